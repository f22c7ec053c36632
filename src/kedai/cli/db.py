"""`kedai db`: the schema."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="The database schema.", no_args_is_help=True)


@app.command()
def upgrade(
    revision: Annotated[str, typer.Option(help="Where to, for example a revision of an older version.")] = "head",
) -> None:
    """Bring the database to this version's schema (a copy of an SQLite file is kept)."""
    from kedai import migrations
    from kedai.cli.installation import prepare_data_dir, upgrade_embedded
    from kedai.settings import load_settings

    settings = load_settings()
    prepare_data_dir(settings)
    if settings.embedded and revision == "head":
        upgrade_embedded(settings)
    else:
        migrations.upgrade(settings.resolved_database_url, revision)
    typer.echo(f"The database is at {migrations.current_revision(settings.resolved_database_url)}.")


@app.command()
def check() -> None:
    """Say whether the database fits this version (exit 4 if not)."""
    from kedai import migrations
    from kedai.settings import load_settings

    settings = load_settings()
    current, head = migrations.current_revision(settings.resolved_database_url), migrations.head_revision()
    typer.echo(f"database {current or 'empty'}, this version {head}")
    if current != head:
        raise typer.Exit(4)
