//! The little Markdown that the pages need.

/// Says where a page comes from, so that nobody edits it by hand.
pub fn head(title: &str, source: &str) -> String {
    format!("<!-- Generated from {source} by `make generate`. Do not edit. -->\n\n# {title}\n\n")
}

/// Text for a cell of a table: one line, no cell borders.
pub fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}

/// A table.
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", header.join(" | "), "---|".repeat(header.len()));
    for row in rows {
        let cells: Vec<String> = row.iter().map(|value| cell(value)).collect();
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text.push('\n');
    text
}

/// `` `a`, `b` ``
pub fn codes<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
