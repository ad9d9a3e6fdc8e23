//! One script under judgement, as rules see it.

use std::cell::OnceCell;
use std::ops::Range;

use squawk_syntax::ast;

use crate::migration::{Script, Statement};
use crate::plan::Direction;

use super::words::Words;
use super::{Catalog, Created, Effect, Object};

/// One script under judgement. It holds syntax trees and stays on its thread.
pub struct Subject<'a> {
    /// The script.
    pub script: &'a Script,
    /// Which way it goes.
    pub direction: Direction,
    /// `003`, `R__active_users`.
    pub label: String,
    /// The script that leads back, where there is one.
    pub way_back: Option<&'a Script>,
    /// What the way back drops, by full names; empty where there is none.
    pub way_back_drops: Vec<Object>,
    /// What the way back creates, by full names; empty where there is none.
    pub way_back_creates: Vec<Object>,
    /// Whether the way back does what cannot be told from its text (`DO`, dynamic SQL).
    pub way_back_opaque: bool,
    /// The database before the run.
    pub catalog: &'a Catalog,
    /// What the run creates until the script's end, each with the script's statement (0: an earlier script).
    pub created: Created,
    /// The statements in order.
    pub statements: Vec<Judged<'a>>,
}

/// One statement with its syntax and its effect.
pub struct Judged<'a> {
    /// The statement.
    pub statement: &'a Statement,
    /// Its syntax tree, whose text ranges are bytes of the statement's text; `None` where it was not read.
    pub syntax: Option<ast::Stmt>,
    /// What it does.
    pub effect: Effect,
    /// What it creates, by full names.
    pub creates: Vec<Object>,
    /// What it drops, by full names.
    pub drops: Vec<Object>,
    /// Its words, once a rule asked for them.
    pub(super) words: OnceCell<Words<'a>>,
}

impl<'a> Judged<'a> {
    /// Its words, those of bodies and quoted SQL among them.
    pub(super) fn words(&self) -> &Words<'a> {
        self.words.get_or_init(|| Words::of(&self.statement.text))
    }

    /// Line and column of the file at which a byte range of the statement's text begins and ends: `node.text_range()`.
    #[must_use]
    pub fn place(&self, range: impl Into<Range<usize>>) -> ((u32, u32), (u32, u32)) {
        let range = range.into();
        (self.locate(range.start), self.locate(range.end))
    }

    /// Line and column of the file of a byte of the statement's text.
    #[must_use]
    pub fn locate(&self, byte: usize) -> (u32, u32) {
        let text = &self.statement.text;
        let before = text.char_indices().take_while(|(at, _)| *at < byte).count();
        self.statement.locate(u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1))
    }

    /// The whole statement, as a range of bytes.
    #[must_use]
    pub fn whole(&self) -> Range<usize> {
        0..self.statement.text.len()
    }
}
