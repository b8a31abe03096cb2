"""Names of KQL's operators and of the functions that hunting queries use, to find the one that was meant.

Not the grammar: whether a name is valid is for Microsoft's service to say.
"""

from __future__ import annotations

_OPERATOR_NAMES = """
    as consume count distinct evaluate extend fork getschema invoke join limit lookup make-series mv-apply
    mv-expand parse parse-kv parse-where partition project project-away project-keep project-rename
    project-reorder render sample sample-distinct scan search serialize sort order summarize take top
    top-hitters top-nested union where
"""
OPERATORS = frozenset(_OPERATOR_NAMES.split())

_FUNCTION_NAMES = """
    abs ago arg_max arg_min array_concat array_index_of array_length array_slice array_sort_asc array_sort_desc
    avg avgif bag_has_key bag_keys bag_merge base64_decode_tostring base64_encode_tostring bin binary_and
    binary_or case ceiling coalesce column_ifexists count count_distinct countif countof datetime_add
    datetime_diff datetime_part dayofmonth dayofweek dayofyear dcount dcountif endofday endofmonth endofweek
    endofyear exp extract extract_all floor format_bytes format_datetime format_ipv4 format_timespan
    geo_info_from_ip_address getmonth getyear hash hash_md5 hash_sha1 hash_sha256 has_any_ipv4 has_ipv4
    has_ipv4_prefix hourofday iff iif indexof ingestion_time ipv4_compare ipv4_is_in_any_range ipv4_is_in_range
    ipv4_is_match ipv4_is_private isempty isnotempty isnotnull isnull log log10 log2 make_bag make_bag_if
    make_datetime make_list make_list_if make_set make_set_if make_timespan materialize max maxif max_of min
    minif min_of monthofyear new_guid next not now pack pack_all pack_array bag_pack parse_command_line
    parse_csv parse_ipv4 parse_json parse_path parse_url parse_urlquery parse_user_agent parse_version parse_xml
    percentile percentiles pow prev rand range repeat replace_regex replace_string replace_strings reverse round
    row_cumsum row_number set_difference set_has_element set_intersect set_union sign split sqrt startofday
    startofmonth startofweek startofyear stdev stdevif strcat strcat_array strcat_delim strcmp string_size
    strlen strrep substring sum sumif take_any take_anyif toboolean tobool todatetime todecimal todouble
    todynamic toguid tohex toint tolong tolower toreal toscalar tostring totimespan toupper translate trim
    trim_end trim_start typeof unixtime_milliseconds_todatetime unixtime_seconds_todatetime url_decode
    url_encode variance varianceif week_of_year zip
"""
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())

ENRICHMENTS = frozenset({"FileProfile", "SeenBy", "DeviceFromIP", "AssignedIPAddresses"})
"""Functions that only Microsoft's own service has, because it answers them from its cloud."""
