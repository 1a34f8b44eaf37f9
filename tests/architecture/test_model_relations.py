"""What the tables promise: relations point down, rows belong to a tenant, states are protected."""

from __future__ import annotations

from django.apps import apps
from django.db import models
from django_fsm import FSMField

from tests.architecture.sources import LAYERS

# Rows that belong to no tenant, and why.
TENANTLESS = {
    "accounts.User",  # a person may be a member of several tenants
    "accounts.User_groups",  # Django's own permissions, which nothing of ours grants
    "accounts.User_user_permissions",
    "accounts.Tenant",  # is the tenant
    "ledger.WorkerBeat",  # a worker does the work of all
}
# Tables whose every change of status needs a ledger entry.
GUARDED = {
    "workitems.WorkItem",
    "executions.Execution",
    "cases.Case",
    "compensation.CompensationRun",
    "compensation.CompensationStep",
    "governance.Approval",
}


def layer(model: type[models.Model]) -> int | None:
    """Return the place of the model's app from the bottom, or None for a third party's."""
    app = model.__module__.partition(".")[0]
    return len(LAYERS) - LAYERS.index(app) if app in LAYERS else None


def own_models() -> list[type[models.Model]]:
    """Return every concrete model of the project, join tables included."""
    found = apps.get_models(include_auto_created=True)
    return [each for each in found if layer(each) is not None]


def relations(model: type[models.Model]) -> list[tuple[str, type[models.Model]]]:
    """Return the model's own foreign keys and many-to-many fields with what they point to."""
    fields = [*model._meta.local_fields, *model._meta.local_many_to_many]
    return [
        (field.name, field.related_model)
        for field in fields
        if field.is_relation and isinstance(field.related_model, type)
    ]


def test_relations_point_downwards() -> None:
    upward = [
        f"{model._meta.label}.{name} -> {target._meta.label}"
        for model in own_models()
        for name, target in relations(model)
        if (layer(target) or 0) > (layer(model) or 0)
    ]
    assert upward == []


def test_no_third_party_table_points_to_ours_but_to_the_user() -> None:
    pointing = {
        f"{model._meta.label}.{name} -> {target._meta.label}"
        for model in apps.get_models(include_auto_created=True)
        if layer(model) is None
        for name, target in relations(model)
        if layer(target) is not None and target._meta.label != "accounts.User"
    }
    assert pointing == set()


def test_every_row_belongs_to_a_tenant() -> None:
    without = {
        model._meta.label
        for model in own_models()
        if "tenant_id" not in {field.attname for field in model._meta.concrete_fields}
    }
    assert without == TENANTLESS


def test_no_row_may_be_without_its_tenant() -> None:
    optional = [
        model._meta.label
        for model in own_models()
        for field in model._meta.concrete_fields
        if field.attname == "tenant_id" and field.null
    ]
    assert optional == []


def test_the_status_of_guarded_tables_is_protected() -> None:
    by_label = {model._meta.label: model for model in own_models()}
    assert set(by_label) >= GUARDED
    for label in GUARDED:
        status = by_label[label]._meta.get_field("status")
        assert isinstance(status, FSMField), label
        assert status.protected, label
        assert isinstance(by_label[label]._meta.get_field("version"), models.IntegerField), label


def test_no_relation_deletes_history() -> None:
    cascading = [
        f"{model._meta.label}.{field.name}"
        for model in own_models()
        for field in model._meta.local_fields
        if isinstance(field, models.ForeignKey)
        and field.remote_field.on_delete is models.CASCADE
        and model._meta.label in GUARDED
    ]
    assert cascading == []
