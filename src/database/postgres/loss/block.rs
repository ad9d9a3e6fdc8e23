//! The statements in the body of a `DO`, which is usually there to run them on a condition.
//!
//! PL/pgSQL is not understood here: a statement is what begins where one may begin, up to its semicolon.

use crate::migration::TokenKind;

use super::super::tokens::Tokens;
use super::read::{Reader, Target};

/// Blocks in strings of blocks are followed this far.
const DEEPEST: usize = 4;

impl Reader {
    /// Behind `DO`. What is put together at run time cannot be told.
    pub(super) fn block(&mut self, mut rest: Tokens<'_>, depth: usize, found: &mut Vec<Target>) {
        let mut body = None;
        while let Some(token) = rest.next() {
            body = literal(token.kind, token.text).or(body);
        }
        let body = body.unwrap_or_default();
        if depth >= DEEPEST {
            found.push(Target::Unclear("DO"));
            return;
        }
        let mut tokens = Tokens::of(&body);
        let mut begins = true;
        while let Some(token) = tokens.peek() {
            if begins {
                let statement = tokens.up_to_semicolon();
                self.inner(statement, depth, found);
            }
            tokens.next();
            let word = token.text.to_ascii_uppercase();
            // `FOR row IN DELETE … LOOP`
            begins = matches!(word.as_str(), ";" | "BEGIN" | "THEN" | "ELSE" | "LOOP" | "IN");
        }
    }

    fn inner(&mut self, mut statement: Tokens<'_>, depth: usize, found: &mut Vec<Target>) {
        if !statement.eat(&["EXECUTE"]) {
            // Further blocks, conditions and assignments begin with none of the words that are looked for.
            self.statement(statement, depth + 1, found);
            return;
        }
        let text = statement.next().and_then(|token| literal(token.kind, token.text));
        match text.filter(|_| statement.peek().is_none() || statement.sees("USING")) {
            Some(text) => self.statement(Tokens::of(&text), depth + 1, found),
            None => found.push(Target::Unclear("DO")),
        }
    }
}

/// What a string holds; `None` for anything else, and for escapes that would have to be understood.
fn literal(kind: TokenKind, text: &str) -> Option<String> {
    match kind {
        TokenKind::DollarString => {
            let tag = text.get(1..)?.find('$')? + 2;
            text.get(tag..text.len().checked_sub(tag)?).map(ToOwned::to_owned)
        }
        TokenKind::String => {
            let inner = text.strip_prefix('\'')?.strip_suffix('\'')?;
            Some(inner.replace("''", "'"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::{Dialect, Script};

    fn targets(body: &str) -> Vec<Target> {
        let sql = format!("do language plpgsql $do$ {body} $do$");
        let script = Script::parse(Dialect::Postgres, "U001__x.sql", 1, &sql, false).unwrap();
        let mut reader = Reader::default();
        script.statements.iter().flat_map(|one| reader.read(one)).map(|found| found.target).collect()
    }

    #[test]
    fn what_a_block_does_on_a_condition_is_read_as_if_it_stood_there() {
        let found = targets(
            "declare n int := 1; begin
                if exists (select from pg_class where relname = 'a') then alter table a drop column b; end if;
                for r in delete from c returning id loop raise notice 'drop table d'; end loop;
                begin execute 'drop table e'; exception when others then null; end;
                if n > 1 then alter table f drop constraint g; alter table f alter h drop not null; else perform i(); end if; end",
        );
        let names: Vec<String> = found.iter().map(|target| format!("{target:?}")).collect();
        assert_eq!(found.len(), 3, "{names:?}");
        assert!(names[0].contains("Column") && names[1].contains("\"c\"") && names[2].contains("\"e\""), "{names:?}");
    }

    #[test]
    fn what_a_block_puts_together_is_unclear() {
        for body in ["begin execute format('drop table %I', x); end", "begin execute 'drop ' || 'table x'; end"] {
            assert_eq!(targets(body), [Target::Unclear("DO")], "{body}");
        }
        assert_eq!(targets("begin call x(); end"), [Target::Unclear("CALL")]);
        assert_eq!(targets("begin execute $a$ do $b$ begin drop table x; end $b$ $a$; end").len(), 1);
        let deep =
            "begin execute $a$ do $b$ begin execute $c$ do $d$ begin execute $e$ do $f$ begin execute $g$ do $h$ begin
            drop table x; end $h$ $g$; end $f$ $e$; end $d$ $c$; end $b$ $a$; end";
        assert_eq!(targets(deep), [Target::Unclear("DO")]);
    }
}
