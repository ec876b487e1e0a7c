"""alerts: the products that the nightly watch found for open objects."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from index.jobs.alerts import list_alerts
from index.records.catalogue import Catalogue
from index.workspace import Workspace
from service.cli.streams import print_json


@click.command()
@click.option(
    "--since",
    type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]),
    help="Only those found from this day or time (UTC) on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
@click.pass_obj
def alerts(root: Path, since: datetime | None, as_json: bool) -> None:
    """List the products that the nightly watch found for open objects, the oldest first."""
    workspace = Workspace.open(root)
    # ISO 8601 sorts as text.
    begin = since.isoformat() if since else ""
    with Catalogue.open(workspace.database_url) as catalogue:
        found = list_alerts(catalogue.database, since=begin)
    if as_json:
        print_json([asdict(alert) for alert in found])
        return
    for alert in found:
        product = "  ".join(filter(None, [alert.product_id, alert.title, alert.brand, alert.retailer, alert.link]))
        click.echo(f"{alert.found}  {alert.likelihood:.2f}  {alert.object_source} {alert.object_id}  {product}")
