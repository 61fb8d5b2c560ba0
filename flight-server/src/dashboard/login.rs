//! Who looks at the dashboard. Where there are users, a login opens a session as a driver's does, and its token is shown with every
//! request; a token of an identity provider serves as well. Where there are none, everyone who reaches the server sees all.

use std::sync::Arc;

use serde_json::json;
use tonic::Status;
use tonic::codegen::http::Response;
use tonic::service::AxumBody;

use crate::connection::peer;
use crate::http::answer;
use crate::http::{Asked, Door};
use crate::role::Role;
use crate::session::{InUse, Owner};
use crate::sessions::Way;
use crate::system::Viewer;

/// Who asks.
pub(super) struct Asker {
    pub(super) viewer: Viewer,
    pub(super) user: Option<String>,
    pub(super) role: Role,
    /// Not idle while it is asked in.
    _session: Option<InUse>,
}

/// # Errors
/// UNAUTHENTICATED for who is not logged in, where there are users.
pub(super) fn viewer(door: &Arc<Door>, asked: &Asked) -> Result<Asker, Status> {
    if !door.common.has_users {
        let nobody = Owner::nobody();
        let viewer = Viewer::new(&door.common, &nobody, 0);
        return Ok(Asker { viewer, user: None, role: nobody.role, _session: None });
    }
    let session = door.sessions.of(&asked.call)?;
    let Owner { user, role } = session.owner.clone();
    Ok(Asker { viewer: Viewer::new(&door.common, &session.owner, session.number), user, role, _session: Some(session) })
}

/// Opens a session for a user and his password (`authorization: Basic ...`).
///
/// # Errors
/// UNAUTHENTICATED for others, and those of opening a session.
pub(super) async fn open(door: &Arc<Door>, asked: &Asked) -> Result<Response<AxumBody>, Status> {
    let peer = peer(&asked.call);
    let owner = door.gate.pass(asked.call.metadata(), peer).await.map_err(|refused| {
        door.sessions.refused(refused.user.as_deref(), peer, refused.reason);
        refused.status
    })?;
    let owner = Owner { role: owner.role.lowered(asked.call.metadata())?, ..owner };
    let said = json!({ "user": owner.user, "role": owner.role.to_string() });
    let token = door.sessions.log_in(owner, Way::Dashboard, peer)?;
    let mut answer = said;
    answer["token"] = token.into();
    Ok(answer::json(&answer))
}

/// Ends the session.
///
/// # Errors
/// UNAUTHENTICATED where there is none.
pub(super) fn close(door: &Arc<Door>, asked: &Asked) -> Result<Response<AxumBody>, Status> {
    if door.common.has_users {
        door.sessions.end(&asked.call)?;
    }
    Ok(answer::json(&json!({})))
}
