//! What a user wrote as a window, validated: each error names the field and what would do.

use croner::parser::{CronParser, Seconds, Year};
use jiff::tz::{self, TimeZone};
use jiff::{SignedDuration, civil};

use crate::api::v1alpha1::{WindowKind, WindowSpec};

use super::Window;
use super::schedule::Schedule;

impl Window {
    /// Validates a window.
    ///
    /// # Errors
    /// The field below the window that cannot be used, and why.
    pub fn of(spec: &WindowSpec) -> Result<Self, (String, String)> {
        let kind = spec.kind.unwrap_or(WindowKind::Allow);
        let zone = zone(spec.time_zone.as_deref().unwrap_or("UTC")).map_err(|why| ("timeZone".to_owned(), why))?;
        let text = spec.schedule.trim();
        let cron = cron(text).map_err(|why| ("schedule".to_owned(), why))?;
        // What closes does so in both passes of an hour that comes twice; what opens does so once a night, unless it opens every hour.
        let every_hour = text.split_whitespace().nth(1).is_some_and(|hours| hours.starts_with('*'));
        let both_passes = every_hour || kind == WindowKind::Deny;
        let duration = crate::duration::parse(&spec.duration).map_err(|error| error.to_string());
        let duration = duration.and_then(|duration| {
            let signed = SignedDuration::try_from(duration).map_err(|error| error.to_string())?;
            if signed.is_zero() {
                Err("a window of no length never opens: write at least 1m".to_owned())
            } else {
                Ok(signed)
            }
        });
        Ok(Self {
            schedule: Schedule { cron, zone, both_passes },
            duration: duration.map_err(|why| ("duration".to_owned(), why))?,
            kind,
            allow_overrun: spec.allow_overrun.unwrap_or(false),
            group: spec.group.clone(),
        })
    }
}

fn cron(text: &str) -> Result<croner::Cron, String> {
    const CURE: &str = "write five fields, minute hour day month weekday, such as `0 2 * * 1-5`";
    let fields = text.split_whitespace().count();
    if fields != 5 {
        return Err(format!("`{text}` has {fields} fields: {CURE}"));
    }
    let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
    let cron =
        parser.parse(text).map_err(|error| format!("`{text}`: {}; {CURE}", error.to_string().trim_end_matches('.')))?;
    // A day that no year has, such as 30 February; any year of the calendar will do to find one.
    let never = cron.find_next_occurrence(&civil::date(2000, 1, 1).at(0, 0, 0, 0), true).is_err();
    if never { Err(format!("`{text}` names a day that no year has: {CURE}")) } else { Ok(cron) }
}

fn zone(name: &str) -> Result<TimeZone, String> {
    if name == "UTC" {
        return Ok(TimeZone::UTC);
    }
    TimeZone::get(name).map_err(|_| {
        let near = nearest(name).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        format!("`{name}` is not a time zone of the IANA database, such as Europe/Amsterdam{near}")
    })
}

/// The zone whose name, or whose city, is most like it.
fn nearest(name: &str) -> Option<String> {
    let wanted = name.to_lowercase();
    let names: Vec<String> = tz::db().available().map(|zone| zone.to_string()).collect();
    let like = |zone: &String| {
        let zone = zone.to_lowercase();
        let city = zone.rsplit('/').next().unwrap_or_default();
        strsim::jaro_winkler(&zone, &wanted).max(strsim::jaro_winkler(city, &wanted))
    };
    let best = names.iter().map(|zone| (like(zone), zone)).max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 > 0.85).then(|| best.1.clone())
}
