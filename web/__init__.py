"""What every page and every API of the project stands on."""
