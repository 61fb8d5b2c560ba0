//! What to write instead of a function that is not there: names near in meaning, not in spelling.

/// Names (`pg_*` is every name that begins so, where no other fits), and what to write.
const INSTEAD: &[(&str, &str)] = &[
    // Numbers.
    ("expm1 log1p", "exp(x) - 1 and ln(1 + x)"),
    ("sind cosd tand cotd asind acosd atand atan2d", "sin(radians(x)), degrees(asin(x)) and their kin"),
    ("round_even roundbankers bround rint", "round(x), which rounds halves away from zero"),
    ("even", "2 * ceil(x / 2)"),
    ("signbit", "x < 0"),
    ("gamma lgamma erf erfc nextafter setseed", "the value computed outside, in a table to join"),
    ("uniform randstr", "lo + (hi - lo) * random(), and uuid() for text"),
    ("scale min_scale trim_scale", "arrow_typeof(x), which names precision and scale"),
    (
        "conv to_oct to_base unbin from_binary to_binary try_to_binary",
        "bin(n), hex(n) and to_hex(n), and decode(text, 'hex') back",
    ),
    (
        "bit_count bit_position bitstring bitstring_agg get_bit set_bit get_byte set_byte shiftrightunsigned bitmap_and_agg bitmap_bit_position bitmap_bucket_number bitmap_construct_agg bitmap_count bitmap_or_agg",
        "integers with & | ^ << >>, as in (x >> 3) & 1",
    ),
    ("try_add try_subtract try_multiply", "operands cast wider: cast(a AS DECIMAL(38, 0)) + b"),
    ("try_divide try_mod", "a / nullif(b, 0)"),
    ("to_number try_to_number", "cast(x AS DECIMAL(p, s)) or try_cast"),
    // Texts.
    (
        "format_number format_bytes parse_formatted_bytes pg_size_pretty pg_size_bytes bar elt",
        "printf('%,.2f', x), or concat(...) with cast, round and lpad",
    ),
    ("to_varchar", "cast(x AS VARCHAR), or to_char for dates"),
    ("hash xxhash64 crc32 crc32c md5_number md5_number_lower md5_number_upper create_sort_key", "md5(x), or sha256(x)"),
    ("murmur3", "md5(x), or sha256(x)"),
    (
        "soundex difference jaccard hamming mismatches damerau_levenshtein jaro_similarity jaro_winkler_similarity",
        "levenshtein(a, b)",
    ),
    (
        "regexp_extract_all regexp_split_to_array regexp_split_to_table string_split_regex str_split_regex string_to_table sentences",
        "string_to_array(regexp_replace(s, pattern, '|', 'g'), '|'), with unnest for rows",
    ),
    (
        "regexp_escape quote quote_ident quote_literal quote_nullable parse_ident",
        "replace(s, '''', ''''''), and placeholders for values",
    ),
    ("like_escape ilike_escape not_like_escape not_ilike_escape", "s LIKE pattern ESCAPE '!'"),
    (
        "left_grapheme right_grapheme length_grapheme substring_grapheme",
        "left, right, length and substr, which count code points",
    ),
    (
        "casefold collate collation collations normalize nfc_normalize strip_accents to_ascii unistr unicode_assigned is_valid_utf8 make_valid_utf8 validate_utf8 try_validate_utf8 convert convert_from convert_to",
        "lower(s) with translate(s, 'àé', 'ae'); strings are UTF-8",
    ),
    (
        "icu_sort_key icu_calendar_names icu_collate_noaccent",
        "lower(s) with translate(s, 'àé', 'ae'); strings are UTF-8",
    ),
    ("parse_dirname parse_dirpath parse_path", "split_part(path, '/', n) and parse_filename(path)"),
    (
        "url_encode url_decode try_url_decode parse_url try_parse_url",
        "regexp_extract(url, '//([^/]*)', 1) and its like",
    ),
    ("mask luhn_check", "regexp_replace(s, '[A-Za-z0-9]', 'x', 'g')"),
    ("aes_encrypt aes_decrypt try_aes_decrypt", "values encrypted outside; digest(x, 'sha256') for a check"),
    ("uuidv7 uuid_extract_timestamp uuid_extract_version", "uuid()"),
    // Dates and times.
    ("justify_days justify_hours justify_interval normalized_interval", "a - b, or date_diff('day', b, a)"),
    ("date_subtract", "x - INTERVAL '1 day'"),
    (
        "era timeofday clock_timestamp current_localtime localtime current_timezone",
        "now(), cast(now() AS TIME), and SHOW datafusion.execution.time_zone",
    ),
    (
        "timezone timezone_hour timezone_minute convert_timezone from_utc_timestamp to_utc_timestamp to_timestamp_ltz make_timestamptz make_timestamp_ltz try_make_timestamp_ltz timetz_byte_comparable pg_timezone_names",
        "x AT TIME ZONE 'Europe/Paris'",
    ),
    (
        "make_interval make_dt_interval make_ym_interval try_make_interval",
        "INTERVAL '1 month 2 days', or to_months(n) + to_days(n)",
    ),
    ("try_make_timestamp try_make_timestamp_ntz try_strptime", "try_to_timestamp(text)"),
    ("window session_window window_time", "date_bin(INTERVAL '10 minutes', t) in GROUP BY"),
    // Lists, maps and structs.
    ("list_kurtosis list_kurtosis_pop list_sem list_skewness", "unnest in a subquery, with the aggregate over it"),
    (
        "exists forall zip_with map_filter map_zip_with transform_keys transform_values",
        "array_any_match(list, x -> test), array_transform, or unnest in a subquery",
    ),
    ("list_reverse_sort array_reverse_sort", "array_sort(list, 'DESC')"),
    (
        "list_grade_up array_grade_up grade_up list_select array_select list_where array_where",
        "array_element(list, n), or unnest with row_number()",
    ),
    ("array_insert array_fill trim_array slice", "array_concat of array_slice(list, from, to), or array_repeat(x, n)"),
    ("shuffle array_shuffle array_sample", "unnest(list) ORDER BY random()"),
    ("array_lower", "1: lists begin there"),
    ("array_cross_product", "its three sums of products written out"),
    ("array_to_string_comma_default", "array_to_string(list, ',')"),
    ("generate_subscripts", "generate_series(1, n) in FROM"),
    (
        "posexplode posexplode_outer inline inline_outer stack unpivot_list repeat_row",
        "unnest(list) with row_number() over (), or VALUES",
    ),
    ("try_element_at", "array_element(list, n), or map_extract_value(map, key)"),
    (
        "map_concat map_from_entries map_contains_entry str_to_map",
        "map(keys, values) of array_concat, map_keys and map_values",
    ),
    (
        "struct_insert struct_update struct_concat struct_contains struct_has struct_indexof struct_position struct_keys struct_values struct_extract_at remap_struct",
        "named_struct('name', value, ...) of s.field",
    ),
    ("union_value", "named_struct('name', value)"),
    ("enum_code enum_first enum_last enum_range enum_range_boundary", "a table of the values, to join"),
    ("num_nulls num_nonnulls", "cast(a IS NULL AS INT) + cast(b IS NULL AS INT)"),
    ("switch when constant_or_null", "CASE WHEN ... THEN ... END"),
    // Aggregates and window functions.
    (
        "quantile_disc percentile_disc reservoir_quantile",
        "percentile_cont(0.5) WITHIN GROUP (ORDER BY x), which interpolates",
    ),
    (
        "histogram_exact histogram_numeric histogram_values equi_width_bins is_histogram_other_bin approx_top_k",
        "GROUP BY width_bucket(x, lo, hi, n), or GROUP BY x, with count(*)",
    ),
    ("arg_max_null arg_max_nulls_last arg_min_null arg_min_nulls_last", "first_value(x ORDER BY y DESC)"),
    ("try_sum try_avg sum_no_overflow", "sum(cast(x AS DECIMAL(38, 0)))"),
    ("fill", "last_value(x) IGNORE NULLS OVER (ORDER BY t)"),
    (
        "hll_* count_min_sketch approx_top_k_accumulate approx_top_k_combine approx_top_k_estimate theta_* kll_*",
        "approx_distinct(x), or approx_percentile_cont(x, 0.5)",
    ),
    ("finalize combine", "the aggregate itself: states are not values"),
    // JSON, XML, other formats.
    (
        "json_tuple json_value json_query json_table jsonb_extract_path jsonb_extract_path_text",
        "json_extract(j, '$.a.b[0]') and json_extract_string(j, '$.a')",
    ),
    ("json json_*", "lists and structs: JSON files are read as such, and COPY ... TO 'x.json' writes them"),
    ("jsonb_*", "lists and structs: JSON files are read as such, and COPY ... TO 'x.json' writes them"),
    (
        "from_json from_json_strict schema_of_json parse_json try_parse_json",
        "lists and structs: JSON files are read as such, and COPY ... TO 'x.json' writes them",
    ),
    (
        "variant_get try_variant_get variant_extract variant_typeof variant_normalize variant_bytes_to_variant variant_to_parquet_variant variant_explode variant_explode_outer is_variant_null schema_of_variant schema_of_variant_agg to_variant_object",
        "columns of one type each; JSON files are read as structs",
    ),
    ("from_csv to_csv schema_of_csv sniff_csv", "read_csv('path') in FROM, and COPY ... TO 'x.csv'"),
    ("read_avro from_avro to_avro schema_of_avro from_protobuf to_protobuf", "files converted to Parquet"),
    (
        "xml* xpath xpath_boolean xpath_double xpath_exists xpath_float xpath_int xpath_long xpath_number xpath_short xpath_string from_xml to_xml schema_of_xml cursor_to_xml cursor_to_xmlschema database_to_xml database_to_xml_and_xmlschema database_to_xmlschema query_to_xml query_to_xml_and_xmlschema query_to_xmlschema schema_to_xml schema_to_xml_and_xmlschema schema_to_xmlschema table_to_xml table_to_xml_and_xmlschema table_to_xmlschema",
        "files converted to JSON or Parquet: there is no XML",
    ),
    (
        "to_tsvector to_tsquery plainto_tsquery phraseto_tsquery websearch_to_tsquery tsquery_phrase querytree numnode setweight strip array_to_tsvector tsvector_to_array json_to_tsvector jsonb_to_tsvector get_current_ts_config ts_debug ts_delete ts_filter ts_headline ts_lexize ts_parse ts_rank ts_rank_cd ts_rewrite ts_stat ts_token_type tsvector_update_trigger tsvector_update_trigger_column",
        "s ILIKE '%word%', or regexp_like(s, 'word'): there is no full text search",
    ),
    // Types that are not there.
    (
        "int4range int8range numrange tsrange tstzrange daterange int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange multirange isempty lower_inc lower_inf upper_inc upper_inf range_agg range_intersect_agg range_merge",
        "two columns: a.lo < b.hi AND b.lo < a.hi for ranges that overlap",
    ),
    (
        "abbrev broadcast family host hostmask inet_merge inet_same_family macaddr8_set7bit masklen netmask network set_masklen",
        "addresses as text, with split_part(a, '.', n)",
    ),
    (
        "area bound_box box center circle diagonal diameter height isclosed isopen line lseg npoints path pclose point polygon popen radius slope width",
        "coordinates in columns: sqrt(power(x1 - x2, 2) + power(y1 - y2, 2))",
    ),
    (
        "st_asbinary st_astext st_aswkb st_aswkt st_crs st_geomfromwkb st_intersects_extent st_setcrs st_geogfromwkb st_srid st_setsrid",
        "coordinates in columns, compared by number",
    ),
    // The server, its catalog and its settings.
    (
        "current_user session_user system_user user current_role current_catalog current_schemas current_query current_setting set_config getvariable",
        "current_database(), current_schema(), version(), or SHOW ALL",
    ),
    ("nextval currval lastval setval", "row_number() OVER (), or uuid(): there are no sequences"),
    (
        "monotonically_increasing_id spark_partition_id input_file_block_length input_file_block_start",
        "row_number() OVER (), or input_file_name()",
    ),
    (
        "error raise_error assert_true try_reflect reflect java_method",
        "cast('the message' AS INT), which fails with it",
    ),
    (
        "sleep_ms pg_sleep pg_sleep_for pg_sleep_until write_log",
        "the pause in the program that asks: a query does not wait",
    ),
    (
        "can_cast_implicitly format_type format_pg_type get_type make_type replace_type vector_type map_to_pg_oid alias",
        "arrow_typeof(x), and cast or try_cast",
    ),
    ("stats summary", "SUMMARIZE t"),
    ("query query_table", "the query in brackets, or a view"),
    (
        "read_blob read_text read_json_objects read_json_objects_auto read_ndjson_objects read_duckdb arrow_scan arrow_scan_dumb pandas_scan python_map_function seq_scan",
        "read_csv('path', delim = ...) or read_json('path') in FROM",
    ),
    (
        "parquet_file_metadata parquet_full_metadata parquet_kv_metadata parquet_bloom_probe add_parquet_key",
        "parquet_metadata('path') or parquet_schema('path') in FROM",
    ),
    ("duckdb_* pragma_*", "SHOW TABLES, SHOW COLUMNS FROM t, SHOW FUNCTIONS, SHOW ALL, or information_schema"),
    (
        "show show_databases show_tables show_tables_expanded table_info storage_info metadata_info database_list database_size functions platform user_agent extension_versions sql_keywords all_profiling_output in_search_path",
        "SHOW TABLES, SHOW COLUMNS FROM t, SHOW FUNCTIONS, SHOW ALL, or information_schema",
    ),
    (
        "checkpoint force_checkpoint copy_database import_database truncate_duckdb_logs which_secret parse_duckdb_log_message get_block_size current_connection_id current_query_id current_transaction_id test_all_types test_vector_types disable_* enable_* verify_*",
        "EXPLAIN ANALYZE, or SET option = value",
    ),
    (
        "acldefault aclexplode brin_desummarize_range brin_summarize_new_values brin_summarize_range col_description gin_clean_pending_list has_* inet_client_addr inet_client_port inet_server_addr inet_server_port makeaclitem merge_action mxid_age obj_description pg_* row_security_active shobj_description suppress_redundant_updates_trigger to_reg* txid_*",
        "information_schema, SHOW TABLES or SHOW ALL: there is no catalog of PostgreSQL's",
    ),
];

/// What to write instead of the function `name`, where it is known.
pub(crate) fn instead_of(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let of = |fits: &dyn Fn(&str) -> bool| {
        INSTEAD.iter().find(|(names, _)| names.split(' ').any(fits)).map(|(_, instead)| *instead)
    };
    of(&|known| known == name)
        .or_else(|| of(&|known| known.strip_suffix('*').is_some_and(|beginning| name.starts_with(beginning))))
}

/// The names, those that are only beginnings left out.
#[cfg(test)]
pub(super) fn instead_names() -> impl Iterator<Item = &'static str> {
    INSTEAD.iter().flat_map(|(names, _)| names.split(' ')).filter(|name| !name.ends_with('*'))
}
