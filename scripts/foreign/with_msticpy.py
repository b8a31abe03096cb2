"""Run by foreign_clients.py where msticpy is installed: its Defender drivers, pointed here by msticpyconfig.yaml."""

from __future__ import annotations

import sys

import pandas
from msticpy.data import QueryProvider


def main() -> None:
    """Connect, query and list, with both data environments that Defender has."""
    for environment in ("MDE", "M365DGraph"):
        provider = QueryProvider(environment)
        provider.connect()
        assert provider.connected, environment
        counted = provider.exec_query("DeviceInfo | summarize Devices = dcount(DeviceId)")
        assert counted["Devices"][0] > 0, counted
        rows = provider.exec_query(
            "DeviceLogonEvents | where Timestamp > ago(7d) | top 20 by Timestamp"
            " | project Timestamp, DeviceId, AccountName, IsLocalAdmin"
        )
        assert len(rows) == 20, rows
        assert isinstance(rows["Timestamp"].dtype, pandas.DatetimeTZDtype), rows.dtypes
        names = provider.list_queries()
        name = next(name for name in names if name.endswith(".user_logons"))
        family, _, query = name.partition(".")
        account = rows["AccountName"][0]
        found = getattr(getattr(provider, family), query)(start=-28, end=1, account_name=account)
        assert len(found) > 0, (name, found)
        try:
            provider.exec_query("NoSuchTable | take 1")
        except Exception as refused:  # whatever this library makes of a 400
            print(f"{environment}: refused as {type(refused).__name__}", file=sys.stderr)
        else:
            raise AssertionError(f"{environment}: a table that is not there was found")
        print(
            f"msticpy {environment}: {counted['Devices'][0]} devices; {len(names)} queries, {name} finds {len(found)}"
        )


if __name__ == "__main__":
    main()
