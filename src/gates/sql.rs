//! The team's own conditions: a query's answer is as expected, or the gate is closed.

use crate::checks::{SqlAnswer, SqlGate};

use super::{Facts, GateState, Verdict};

/// The gate's kind.
pub const SQL: &str = "sql";

/// What all conditions say, each by its name.
#[must_use]
pub fn check(facts: &Facts<'_>) -> Vec<Verdict> {
    facts.gates.sql.iter().enumerate().map(|(index, gate)| judge(gate, facts.sql.get(index))).collect()
}

/// What one condition says; `None` where nobody asked the database yet.
#[must_use]
pub fn judge(gate: &SqlGate, answer: Option<&SqlAnswer>) -> Verdict {
    let expression = &gate.expect.expression;
    let verdict = match answer {
        None => Verdict::shut(SQL, GateState::Unknown, "the database was not asked yet", "it is asked before a run"),
        Some(SqlAnswer { holds: Ok(true), shown }) => Verdict::open(SQL, with(&format!("`{expression}` holds"), shown)),
        Some(SqlAnswer { holds: Ok(false), shown }) => {
            let message = with(&format!("`{expression}` does not hold"), shown);
            Verdict::shut(SQL, GateState::Closed, message, format!("the query's answer makes `{expression}` true"))
        }
        Some(SqlAnswer { holds: Err(why), .. }) => Verdict::shut(
            SQL,
            GateState::Unknown,
            format!("cannot tell: {why}"),
            "the query gives an answer that can be judged; it is asked again",
        ),
    };
    verdict.named(&gate.name)
}

fn with(what: &str, shown: &str) -> String {
    if shown.is_empty() { what.to_owned() } else { format!("{what}: {shown}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::v1alpha1::SqlGateSpec;

    fn gate(expect: &str, timeout: Option<&str>) -> Result<SqlGate, crate::checks::InvalidCheck> {
        SqlGate::of(&SqlGateSpec {
            name: "no-open-batch".to_owned(),
            query: "select count(*) from batches where open".to_owned(),
            expect: expect.to_owned(),
            timeout: timeout.map(str::to_owned),
        })
    }

    fn told(holds: Result<bool, String>, shown: &str) -> String {
        let answer = SqlAnswer { holds, shown: shown.to_owned() };
        let verdict = judge(&gate("value == 0", None).unwrap(), Some(&answer));
        assert_eq!(verdict.name.as_deref(), Some("no-open-batch"));
        format!("{}: {}", verdict.state.as_str(), verdict.message)
    }

    #[test]
    fn an_answer_is_as_expected_or_not_or_cannot_be_judged() {
        assert_eq!(told(Ok(true), "value 0"), "Open: `value == 0` holds: value 0");
        assert_eq!(told(Ok(false), "value 3"), "Closed: `value == 0` does not hold: value 3");
        assert_eq!(told(Ok(false), ""), "Closed: `value == 0` does not hold");
        assert_eq!(told(Err("the query gives no row".to_owned()), ""), "Unknown: cannot tell: the query gives no row");
        let unasked = judge(&gate("value == 0", None).unwrap(), None);
        assert_eq!(unasked.state, GateState::Unknown);
    }

    #[test]
    fn what_cannot_be_used_is_refused_with_its_field() {
        assert_eq!(gate("value =", None).unwrap_err().field, "expect");
        assert_eq!(gate("value == 0", Some("21s")).unwrap_err().field, "timeout");
        assert_eq!(gate("value == 0", Some("0s")).unwrap_err().field, "timeout");
        assert_eq!(gate("value == 0", Some("20s")).unwrap().timeout, std::time::Duration::from_secs(20));
    }
}
