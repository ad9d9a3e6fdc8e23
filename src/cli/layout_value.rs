//! `--layout`: how file names are read, spelled as in `spec.source.layout`.

use clap::ValueEnum;

use crate::migration::Layout;

/// A value of `--layout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum LayoutValue {
    /// Recognised from the files
    Auto,
    /// V001__x.sql with U001__x.sql or V001__rollback_x.sql, R__x.sql
    Flyway,
    /// 001_x.up.sql and 001_x.down.sql
    GolangMigrate,
    /// Single files with -- +goose Up and -- +goose Down
    Goose,
    /// Single files with -- migrate:up and -- migrate:down
    Dbmate,
    /// version_name/up.sql, down.sql and metadata.toml
    Diesel,
    /// 001_x.sql, or 001_x.up.sql and 001_x.down.sql
    Sqlx,
    /// 001_x.sql with rollbacks/001_x_rollback.sql or 001_x.rollback.sql
    Rollbacks,
}

impl From<LayoutValue> for Layout {
    fn from(value: LayoutValue) -> Self {
        match value {
            LayoutValue::Auto => Self::Auto,
            LayoutValue::Flyway => Self::Flyway,
            LayoutValue::GolangMigrate => Self::GolangMigrate,
            LayoutValue::Goose => Self::Goose,
            LayoutValue::Dbmate => Self::Dbmate,
            LayoutValue::Diesel => Self::Diesel,
            LayoutValue::Sqlx => Self::Sqlx,
            LayoutValue::Rollbacks => Self::Rollbacks,
        }
    }
}
