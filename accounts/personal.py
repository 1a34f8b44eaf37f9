"""What the tables of people, and those of libraries about people, keep about them."""

from __future__ import annotations

from typing import Final

from ledger.erasure.personal_data import Personal

TABLES: Final = (
    Personal(
        table="accounts_user",
        no="password last_login is_superuser is_staff is_active date_joined language time_zone",
        identity="id username first_name last_name email",
        shared=True,
    ),
    Personal(table="accounts_user_groups", no="id group_id", identity="user_id", shared=True),
    Personal(
        table="accounts_user_user_permissions",
        no="id permission_id",
        identity="user_id",
        shared=True,
    ),
    Personal(table="accounts_tenant", no="id slug name version created_at"),
    Personal(
        table="accounts_actor",
        no="tenant_id type is_active version created_at",
        actors="id",
        identity="user_id",
    ),
    Personal(
        table="accounts_membership",
        no="id tenant_id roles skills is_active created_at",
        actors="actor_id",
        identity="user_id",
    ),
    Personal(table="accounts_groupmembership", no="id tenant_id membership_id name"),
    Personal(
        table="accounts_apitoken",
        kind="tokens",
        key="digest",
        no="digest token_key created expiry tenant_id membership_id public_id",
        mentions="name",
        identity="user_id",
        theirs="t.membership_id IN (SELECT m.id FROM accounts_membership m"
        " WHERE m.tenant_id = t.tenant_id AND m.actor_id = %(actor)s)",
        removed="theirs",
    ),
    Personal(
        table="accounts_substitution",
        no="id tenant_id group_name since until version created_at ended_at",
        actors="person_id substitute_id created_by_id",
    ),
    # Whoever knows the key elsewhere knows whose it is: it goes with the rest of who they are.
    Personal(
        table="accounts_signaturekey",
        kind="signature_keys",
        no="id tenant_id version created_at retired_at compromised_since",
        actors="actor_id",
        mentions="name",
        identity="public_key",
    ),
    Personal(
        table="django_admin_log",
        no="id action_time content_type_id object_id action_flag",
        identity="user_id object_repr change_message",
        shared=True,
    ),
    Personal(
        table="django_session",
        no="expire_date",
        identity="session_key session_data",
        shared=True,
    ),
    Personal(table="auth_group", no="id name", shared=True),
    Personal(table="auth_group_permissions", no="id group_id permission_id", shared=True),
    Personal(table="auth_permission", no="id name content_type_id codename", shared=True),
    Personal(table="django_content_type", no="id app_label model", shared=True),
    Personal(
        table="axes_accessattempt",
        no="id http_accept path_info attempt_time failures_since_start",
        identity="username get_data post_data user_agent ip_address",
        shared=True,
    ),
    Personal(table="axes_accessattemptexpiration", no="access_attempt_id expires_at", shared=True),
    Personal(
        table="axes_accessfailurelog",
        no="id http_accept path_info attempt_time locked_out",
        identity="username user_agent ip_address",
        shared=True,
    ),
    Personal(
        table="axes_accesslog",
        no="id http_accept path_info attempt_time logout_time session_hash",
        identity="username user_agent ip_address",
        shared=True,
    ),
)
