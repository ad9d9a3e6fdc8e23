//! What is expected of a measurement: a CEL expression over named values. Pure.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::expression::{Expression, Trouble};

/// An expression that does not read as CEL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}` cannot be read as a CEL expression: {problem}; write something like \"value < 0.01\"")]
pub struct InvalidExpectation {
    /// As it was written, its beginning where it is long.
    pub expression: String,
    /// What is wrong.
    pub problem: String,
}

/// An expression that a measurement must make true.
#[derive(Clone)]
pub struct Expectation {
    /// As it was written.
    pub expression: String,
    program: Arc<Expression>,
}

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Expectation({})", self.expression)
    }
}

impl PartialEq for Expectation {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression
    }
}

impl Expectation {
    /// Reads an expression.
    ///
    /// # Errors
    /// When it is not one.
    pub fn compile(expression: &str) -> Result<Self, InvalidExpectation> {
        let program = Expression::read(expression)
            .map_err(|problem| InvalidExpectation { expression: beginning(expression), problem })?;
        Ok(Self { expression: expression.to_owned(), program: Arc::new(program) })
    }

    /// Whether it mentions a name, or the literal `null`.
    #[must_use]
    pub fn mentions(&self, name: &str) -> bool {
        self.program.mentions(name)
    }

    /// Whether it is true of these values. All numbers among them are fractional ones to the expression, whichever way they
    /// or those in the expression are written: `value == 0`, `value < baseline * 2` and `value > 0.5` all work.
    ///
    /// # Errors
    /// Why it cannot be told: a name that is not there, an answer that is neither true nor false. Shows no value.
    pub fn holds(&self, names: &Map<String, Value>) -> Result<bool, String> {
        self.program.holds(names).map_err(|trouble| {
            let shown = beginning(&self.expression);
            match trouble {
                Trouble::Name(name) => {
                    let known: Vec<&str> = names.keys().map(String::as_str).collect();
                    format!("`{shown}` asks for {name}, which there is not; there is {}", known.join(", "))
                }
                Trouble::Key => {
                    format!("`{shown}` asks for a key or an index that is not there; ask with has(…) or size(…) first")
                }
                Trouble::Kinds(kinds) => {
                    format!("`{shown}` cannot be judged: {kinds} do not go together{}", hint(names))
                }
                Trouble::Zero => format!("`{shown}` divides by zero"),
                Trouble::Work => format!("`{shown}` takes too much work; go through shorter lists"),
                Trouble::NotBoolean => format!("`{shown}` is neither true nor false"),
                Trouble::Other => format!("`{shown}` cannot be judged"),
            }
        })
    }
}

/// What usually helps.
fn hint(names: &Map<String, Value>) -> String {
    let nulls: Vec<&str> = names.iter().filter(|(_, value)| value.is_null()).map(|(name, _)| name.as_str()).collect();
    match nulls.first() {
        Some(first) => {
            format!(" ({} is null: begin with `{first} == null ||` or `{first} != null &&`)", nulls.join(", "))
        }
        None => String::new(),
    }
}

fn beginning(expression: &str) -> String {
    const LONGEST: usize = 120;
    if expression.chars().count() <= LONGEST {
        return expression.to_owned();
    }
    expression.chars().take(LONGEST).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn judge(expression: &str, names: &Value) -> Result<bool, String> {
        Expectation::compile(expression).unwrap().holds(names.as_object().unwrap())
    }

    /// Whatever a measurement may hold.
    fn measured() -> Value {
        json!({
            "value": 0, "half": 0.5, "three": 3, "baseline": null,
            "values": [0.2, 0.7, 1], "rows": [{"n": 1, "name": "a"}, {"n": 2.5, "name": "b"}],
            "json": {"ok": true, "queue": {"depth": 12}, "tags": ["x", "y"]}, "text": "ready",
        })
    }

    #[rstest]
    #[case::whole_literals("value == 0")]
    #[case::fractional_literals("value == 0.0 && half >= 0.5")]
    #[case::the_literal_first("1 > half && 0 <= value")]
    #[case::other_numbers("value != 1 && three > 2")]
    #[case::negative("value > -1 && -three < 0")]
    #[case::one_of_several("value in [0, 200]")]
    #[case::arithmetic("half * 2 == 1 && three + 1 == 4 && 4 - three == 1 && 2 * half + 1 == 2")]
    #[case::a_quotient_keeps_its_fraction("three / 2 == 1.5 && 1 / 2 == 0.5")]
    #[case::a_remainder("three % 2 == 1 && 7 % 4 == 3")]
    #[case::sizes("size(rows) == 2 && size(values) + 1 == 4 && size(values) / three == 1")]
    #[case::the_last_of_a_list("values[size(values) - 1] == 1")]
    #[case::all_of_a_list("values.all(v, v < 1.5) && values.all(v, v <= 1)")]
    #[case::some_of_a_list("values.exists(v, v * 2 > 1) && values.exists_one(v, v < 0.5)")]
    #[case::made_of_a_list("values.map(v, v * 10).filter(v, v > 5) == [7, 10]")]
    #[case::columns("rows[0].n == 1 && rows[1]['name'] == 'b' && rows.all(r, r.n > 0)")]
    #[case::json_paths("json.ok && json.queue.depth < 100 && 'x' in json.tags")]
    #[case::what_may_be_missing("!has(json.error) && has(json.queue)")]
    #[case::texts("text == 'ready' && text.startsWith('re') && text + '!' == 'ready!' && text.matches('^r.*y$')")]
    #[case::without_a_baseline("baseline == null || value <= baseline * 1.3")]
    #[case::choices("three > 2 ? half < 1 : false")]
    fn what_is_true(#[case] expression: &str) {
        assert_eq!(judge(expression, &measured()), Ok(true));
    }

    #[rstest]
    #[case("value > 0")]
    #[case("half == 0")]
    #[case("values.all(v, v < 1)")]
    #[case("baseline != null && value < baseline")]
    #[case("json.queue.depth / 2 > 6")]
    fn what_is_false(#[case] expression: &str) {
        assert_eq!(judge(expression, &measured()), Ok(false));
    }

    #[rstest]
    #[case::a_missing_name("valeu < 1", "asks for valeu, which there is not; there is baseline, half")]
    #[case::a_missing_function("abs(value) < 1", "asks for abs")]
    #[case::a_missing_key("json.queue.length < 1", "a key or an index")]
    #[case::a_missing_row("rows[2].n == 1", "a key or an index")]
    #[case::no_baseline(
        "value <= baseline * 1.3",
        "null and a number do not go together (baseline is null: begin with"
    )]
    #[case::a_text_as_a_number("text < 1", "a text and a number do not go together")]
    #[case::a_number_as_an_answer("value + 1", "neither true nor false")]
    #[case::nothing_to_divide_by("half / value < 1", "divides by zero")]
    #[case::nothing_to_divide_whole_numbers_by("three % 0 == 1", "divides by zero")]
    fn what_cannot_be_told_is_an_error_and_never_false(#[case] expression: &str, #[case] told: &str) {
        let why = judge(expression, &measured()).unwrap_err();
        assert!(why.contains(told), "{why}");
    }

    #[rstest]
    #[case("text < 1")]
    #[case("json.queue[text] == 1")]
    #[case("text - text == 1")]
    #[case("double(text) == 1.0")]
    #[case("size(half) == 1")]
    #[case("rows[text] == 1")]
    fn no_measured_value_gets_into_an_error(#[case] expression: &str) {
        let why = judge(expression, &json!({"text": "secret", "rows": [], "json": {"queue": {}}, "half": 4711.5}))
            .unwrap_err();
        assert!(!why.contains("secret") && !why.contains("4711"), "{why}");
    }

    #[rstest]
    #[case("value <", "at column")]
    #[case("value = 1", "at column")]
    #[case("value < 1 and value > 0", "at column")]
    #[case("", "at column")]
    #[case("\"", "at column")]
    fn what_is_not_an_expression_is_refused_with_the_place(#[case] expression: &str, #[case] told: &str) {
        let error = Expectation::compile(expression).unwrap_err().to_string();
        assert!(error.contains(told) && error.contains("value < 0.01") && error.lines().count() == 1, "{error}");
    }

    #[rstest]
    #[case("rows.all(r, r.n > 0)", "rows", true)]
    #[case("size(rows) == 0 || value < 1", "rows", true)]
    #[case("value < 1 && row.rows > 1", "rows", false)]
    #[case("value == null", "null", true)]
    #[case("value != 'null'", "null", false)]
    #[case("value in [1, {'a': baseline}]", "baseline", true)]
    fn what_an_expression_mentions_is_known(#[case] expression: &str, #[case] name: &str, #[case] mentioned: bool) {
        assert_eq!(Expectation::compile(expression).unwrap().mentions(name), mentioned);
    }

    /// A test of the whole process: the end of a stack cannot be caught.
    #[test]
    fn no_expression_ends_the_process_however_deep_it_is() {
        let wrapped = |open: &str, inner: &str, close: &str, times: usize| {
            format!("{}{inner}{}", open.repeat(times), close.repeat(times))
        };
        for times in [20, 100, 249, 400, 2000] {
            for expression in [
                wrapped("(", "true", ")", times),
                wrapped("[", "1", "]", times),
                wrapped("{1:", "1", "}", times),
                wrapped("!", "true", "", times),
                wrapped("-", "1", "", times),
                wrapped("size(", "values", ")", times),
                wrapped("values[", "0", "]", times),
                wrapped("true ? 1 : ", "2", "", times),
                wrapped("", "true", " ? 1 : 2", times),
                wrapped("", "value", " + 1", times),
                wrapped("", "value", " < 1", times),
                wrapped("", "true", " && true", times),
                wrapped("1 in ", "values", "", times),
                wrapped("", "values", "[0]", times),
                wrapped("", "json", ".a", times),
                wrapped("", "json", ".a()", times),
                wrapped("", "values", ".map(v, v)", times),
                wrapped("values.all(v, ", "true", ")", times),
            ] {
                if let Ok(expectation) = Expectation::compile(&expression) {
                    let _ = expectation.holds(measured().as_object().unwrap());
                }
            }
        }
    }

    #[rstest]
    #[case::nested_iteration("values.all(a, values.all(b, values.all(c, a + b + c > 0)))")]
    #[case::texts_that_double("['0123456789'].map(v, v + v)DOUBLED.all(v, v != '')")]
    #[case::lists_that_double("[values].map(v, [v, v])NESTED.all(v, true)")]
    #[case::patterns("values.all(v, 'a'.matches('a'))")]
    #[case::an_error_that_is_swallowed("values.all(a, values.all(b, values.all(c, c > 0))) || true")]
    fn an_expression_that_takes_too_much_work_is_cut_short(#[case] expression: &str) {
        let expression = expression
            .replace("DOUBLED", &".map(v, v + v)".repeat(30))
            .replace("NESTED", &".map(v, [v, v])".repeat(30));
        let began = std::time::Instant::now();
        let why = judge(&expression, &json!({"values": vec![1; 1000]})).unwrap_err();
        assert!(why.contains("too much work"), "{why}");
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "{:?}", began.elapsed());
    }

    #[test]
    fn what_is_too_long_is_refused_before_it_is_read() {
        let error = Expectation::compile(&format!("value < {}", "1".repeat(5000))).unwrap_err();
        assert!(error.to_string().contains("longer than"), "{error}");
    }
}
