//! Whether the condition of a statement says to the copy what it says to the statement: pure.

use super::super::tokens::Tokens;
use super::items::{Item, What};

impl Item {
    /// The rows of its table, whichever they are, where a condition cannot be relied on. `foreign`: the script made somebody
    /// else of the session; `alike`: what it made of how values look is how they look in copies.
    pub fn relied_on(&self, foreign: bool, alike: bool) -> Self {
        let as_text = self.stored().iter().any(|column| column.is_copied_as_text());
        match &self.what {
            What::Rows(Some((_, condition))) if as_text && !alike || foreign && asks(condition) => {
                Self { what: What::Rows(None), ..self.clone() }
            }
            What::Rows(_) | What::Table | What::Emptied | What::Column(..) => self.clone(),
        }
    }

    /// Its condition is evaluated where the script's values look as they look to it.
    pub fn in_its_formats(&self) -> bool {
        matches!(self.what, What::Rows(Some(_))) && !self.stored().iter().any(|column| column.is_copied_as_text())
    }
}

/// Whether it may depend on who asks: on a function, on what others may see, or on a name.
fn asks(condition: &str) -> bool {
    const WHO: [&str; 5] = ["current_user", "current_role", "session_user", "user", "select"];
    const NO_CALLS: [&str; 10] = ["in", "and", "or", "not", "any", "all", "some", "between", "like", "row"];
    let mut rest = Tokens::of(condition);
    while let Some(token) = rest.next() {
        let word = token.text.to_ascii_lowercase();
        if WHO.contains(&word.as_str()) {
            return true;
        }
        let name = word.starts_with(|first: char| first.is_alphabetic() || matches!(first, '_' | '"'));
        if name && rest.sees("(") && !NO_CALLS.contains(&word.as_str()) {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::super::facts::tests::table;
    use super::*;

    fn item(what: What) -> Item {
        Item { table: table(), what }
    }

    #[test]
    fn a_condition_is_relied_on_where_it_means_the_same_to_the_copy() {
        let with = |condition: &str| item(What::Rows(Some(("t".to_owned(), condition.to_owned()))));
        let relied =
            |condition: &str, foreign, alike| with(condition).relied_on(foreign, alike).what != What::Rows(None);
        assert!(relied("id in (1, 2) and (note = 'user (x)')", true, true) && relied("f(id)", false, true));
        for condition in ["note = current_user", "id in (select 1)", "id = \"F\" (1)", "public.f(id) = 1"] {
            assert!(!relied(condition, true, true), "{condition}");
        }
        // The note is copied as a text.
        assert!(!relied("id = 1", false, false) && !with("id = 1").in_its_formats());
        let mut plain = with("id = 1");
        plain.table.columns.truncate(1);
        assert!(plain.relied_on(false, false) == plain && plain.in_its_formats());
    }
}
