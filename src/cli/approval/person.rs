//! Who is at the keyboard, as the API server knows them.

use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use kube::api::PostParams;
use kube::{Api, Client};

use super::super::cluster;
use super::short_id;

/// As many groups as a MigrationApproval holds.
const MOST_GROUPS: usize = 16;

/// Who is at the keyboard.
#[derive(Debug)]
pub struct Person {
    /// The user name.
    pub user: String,
    all_groups: Vec<String>,
}

impl Person {
    /// Asks the API server.
    pub async fn find(client: &Client) -> Result<Self, String> {
        let api = Api::<SelfSubjectReview>::all(client.clone());
        let review = api.create(&PostParams::default(), &SelfSubjectReview::default()).await;
        let info = review.map_err(|error| cluster::said(&error))?.status.and_then(|status| status.user_info);
        let (user, all_groups) = info.map(|info| (info.username, info.groups.unwrap_or_default())).unwrap_or_default();
        let user = user.filter(|user| !user.is_empty());
        let user =
            user.ok_or("the API server does not say who you are (it has to know SelfSubjectReview: 1.28 or later)")?;
        Ok(Self { user, all_groups })
    }

    #[cfg(test)]
    pub fn of(user: &str, groups: &[&str]) -> Self {
        Self { user: user.to_owned(), all_groups: groups.iter().map(|group| (*group).to_owned()).collect() }
    }

    /// Whether they hold the verb `approve`: said before anything is asked. The API server decides when it is written.
    pub async fn may_approve(&self, client: &Client, namespace: &str, name: &str) -> Result<(), String> {
        let attributes = ResourceAttributes {
            group: Some("sluice.dev".to_owned()),
            resource: Some("databasemigrations".to_owned()),
            verb: Some("approve".to_owned()),
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            ..ResourceAttributes::default()
        };
        let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
        let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
        let api = Api::<SelfSubjectAccessReview>::all(client.clone());
        let review = api.create(&PostParams::default(), &review).await.map_err(|error| cluster::said(&error))?;
        if review.status.is_some_and(|status| status.allowed) {
            return Ok(());
        }
        Err(format!(
            "{} does not hold the verb approve on databasemigrations.sluice.dev {name} in namespace {namespace}; whoever manages access there \
             can give it: kubectl create rolebinding approver-{} -n {namespace} --clusterrole sluice-approver --user {}",
            self.user,
            short_id(&self.user),
            cluster::quoted(&self.user)
        ))
    }

    /// The groups to speak for: those that are named, else their own. Groups of the API server itself mean nothing here.
    pub fn groups(&self, named: &[String], wanted: &[String]) -> Result<Vec<String>, String> {
        if let Some(foreign) = named.iter().find(|group| !self.all_groups.contains(group)) {
            return Err(format!(
                "{} is not in the group {foreign}: the groups are {}",
                self.user,
                self.all_groups.join(", ")
            ));
        }
        if !named.is_empty() {
            return Ok(named.to_vec());
        }
        let mut own: Vec<String> =
            self.all_groups.iter().filter(|group| !group.starts_with("system:")).cloned().collect();
        // Those that are waited for first, should there be more than an approval holds.
        own.sort_by_key(|group| !wanted.contains(group));
        own.truncate(MOST_GROUPS);
        Ok(own)
    }
}
