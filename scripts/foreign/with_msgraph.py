"""Run by foreign_clients.py where msgraph-sdk is installed, Microsoft's own library for Graph."""

from __future__ import annotations

import asyncio
import os

from azure.identity import ClientSecretCredential
from kiota_abstractions.api_error import APIError
from kiota_abstractions.base_request_configuration import RequestConfiguration
from msgraph import GraphServiceClient
from msgraph.generated.models.security.alert import Alert
from msgraph.generated.models.security.alert_classification import AlertClassification
from msgraph.generated.models.security.alert_determination import AlertDetermination
from msgraph.generated.models.security.alert_status import AlertStatus
from msgraph.generated.models.security.device_evidence import DeviceEvidence
from msgraph.generated.models.security.incident import Incident
from msgraph.generated.security.alerts_v2.alerts_v2_request_builder import Alerts_v2RequestBuilder
from msgraph.generated.security.incidents.incidents_request_builder import IncidentsRequestBuilder
from msgraph.generated.security.microsoft_graph_security_run_hunting_query.run_hunting_query_post_request_body import (
    RunHuntingQueryPostRequestBody,
)
from msgraph_core.tasks.page_iterator import PageIterator

URL = os.environ["SANDBOX_URL"]


def client() -> GraphServiceClient:
    """A client of the sandbox: only the addresses are not Microsoft's."""
    credential = ClientSecretCredential(
        os.environ["SANDBOX_TENANT"],
        os.environ["SANDBOX_CLIENT_ID"],
        os.environ["SANDBOX_SECRET"],
        authority=URL,
        disable_instance_discovery=True,
        connection_verify=os.environ["SSL_CERT_FILE"],
    )
    made = GraphServiceClient(credential, scopes=["https://graph.microsoft.com/.default"])
    made.request_adapter.base_url = f"{URL}/v1.0"
    return made


async def hunt(graph: GraphServiceClient) -> None:
    """Rows, kinds of values, a span of time, and a refusal."""
    run = graph.security.microsoft_graph_security_run_hunting_query
    query = (
        "DeviceInfo | summarize arg_max(Timestamp, *) by DeviceId | project DeviceId, Timestamp, IsExcluded, OSBuild"
    )
    found = await run.post(RunHuntingQueryPostRequestBody(query=query, timespan="P30D"))
    assert found is not None and found.results and found.schema
    kinds = {column.name: column.type for column in found.schema}
    assert kinds == {"DeviceId": "String", "Timestamp": "DateTime", "IsExcluded": "SByte", "OSBuild": "Int64"}, kinds
    row = found.results[0].additional_data
    assert len(row["DeviceId"]) == 40, row
    try:
        await run.post(RunHuntingQueryPostRequestBody(query="NoSuchTable | take 1"))
    except APIError as refused:
        assert refused.response_status_code == 400, refused
        assert "Failed to resolve table or column expression named 'NoSuchTable'" in str(refused), refused
    else:
        raise AssertionError("a table that is not there was found")
    print(f"msgraph-sdk: {len(found.results)} devices hunted")


async def alerts(graph: GraphServiceClient) -> None:
    """List, page by page, get and update."""
    parameters = Alerts_v2RequestBuilder.Alerts_v2RequestBuilderGetQueryParameters(top=2, count=True)
    first = await graph.security.alerts_v2.get(RequestConfiguration(query_parameters=parameters))
    assert first is not None and first.value and first.odata_next_link
    seen: list[str] = []

    def see(alert: Alert) -> bool:
        seen.append(str(alert.id))
        return True

    await PageIterator(first, graph.request_adapter).iterate(see)
    assert len(seen) == len(set(seen)) == first.odata_count, (seen, first.odata_count)
    alert = await graph.security.alerts_v2.by_alert_id(seen[0]).get()
    assert alert is not None and alert.evidence and alert.status is AlertStatus.New
    devices = [evidence for evidence in alert.evidence if isinstance(evidence, DeviceEvidence)]
    assert devices and len(str(devices[0].mde_device_id)) == 40
    change = Alert(status=AlertStatus.Resolved, assigned_to="secop@corp.example")
    change.classification, change.determination = AlertClassification.FalsePositive, AlertDetermination.NotMalicious
    await graph.security.alerts_v2.by_alert_id(seen[0]).patch(change)
    changed = await graph.security.alerts_v2.by_alert_id(seen[0]).get()
    assert changed is not None and changed.status is AlertStatus.Resolved
    assert changed.determination is AlertDetermination.NotMalicious, changed.determination
    resolved = Alerts_v2RequestBuilder.Alerts_v2RequestBuilderGetQueryParameters(filter="status eq 'resolved'")
    left = await graph.security.alerts_v2.get(RequestConfiguration(query_parameters=resolved))
    assert left is not None and [one.id for one in left.value or ()] == [seen[0]]
    print(f"msgraph-sdk: {len(seen)} alerts listed page by page, one updated")


async def incidents(graph: GraphServiceClient) -> None:
    """List with alerts, get and update."""
    parameters = IncidentsRequestBuilder.IncidentsRequestBuilderGetQueryParameters(expand=["alerts"], top=5)
    listed = await graph.security.incidents.get(RequestConfiguration(query_parameters=parameters))
    assert listed is not None and listed.value and listed.value[0].alerts
    id = str(listed.value[0].id)
    await graph.security.incidents.by_incident_id(id).patch(Incident(custom_tags=["Demo"]))
    changed = await graph.security.incidents.by_incident_id(id).get()
    assert changed is not None and changed.custom_tags == ["Demo"]
    try:
        await graph.security.incidents.by_incident_id("1").get()
    except APIError as refused:
        assert refused.response_status_code == 404, refused
    else:
        raise AssertionError("an incident that is not there was found")
    print(f"msgraph-sdk: {len(listed.value)} incidents with their alerts, one updated")


async def main() -> None:
    """Everything, one after the other."""
    graph = client()
    await hunt(graph)
    await alerts(graph)
    await incidents(graph)


if __name__ == "__main__":
    asyncio.run(main())
