//! Did you mean: the name that is nearest to one that is not there.

/// The candidate nearest to `name`, if it is near enough to be a slip of the fingers.
pub fn nearest<'a>(name: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    let limit = (wanted.chars().count() / 3).clamp(1, 3);
    let ranked = candidates.iter().map(|c| (edit_distance(&wanted, &c.to_lowercase()), *c));
    ranked.filter(|(distance, _)| *distance <= limit).min_by_key(|(distance, _)| *distance).map(|(_, c)| c)
}

/// Levenshtein distance in characters, one row at a time.
fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_found_and_far_ones_are_not() {
        let names = ["l_shipdate", "l_quantity", "Revenue"];
        assert_eq!(nearest("l_shpdate", &names), Some("l_shipdate"));
        assert_eq!(nearest("REVENUE", &names), Some("Revenue"));
        assert_eq!(nearest("price", &names), None);
    }
}
