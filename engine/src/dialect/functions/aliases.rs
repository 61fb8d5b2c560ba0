//! Functions that DataFusion has under another name, whatever their arguments.

/// Names, and DataFusion's.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("list_value list_pack array_value array", "make_array"),
    ("array_zip", "arrays_zip"),
    ("list_min", "array_min"),
    ("sequence", "generate_series"),
    ("to_bin", "bin"),
    ("format_string", "printf"),
    ("editdist3", "levenshtein"),
    ("greatest_common_divisor", "gcd"),
    ("least_common_multiple", "lcm"),
    ("array_inner_product list_inner_product array_dot_product list_dot_product vector_inner_product", "inner_product"),
    ("array_cosine_distance list_cosine_distance", "cosine_distance"),
    ("vector_l2_distance", "array_distance"),
    ("timestamp_seconds", "to_timestamp_seconds"),
    ("timestamp_millis", "to_timestamp_millis"),
    ("timestamp_micros", "to_timestamp_micros"),
    ("to_timestamp_ntz", "to_timestamp"),
    ("struct_extract", "get_field"),
    ("std", "stddev"),
    ("rank_dense", "dense_rank"),
    ("grouping_id", "grouping"),
    ("list_apply array_apply apply transform", "array_transform"),
    ("filter", "array_filter"),
];
