package cli

import (
	"fmt"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// adviceOnReason is what to do about the server's reason; empty for none.
func (e *callError) adviceOnReason() string {
	reason, reached := e.reason(), e.info().GetMetadata()[limitKey]
	for _, limit := range limits {
		if reason == lifecyclev1.ErrorReason_ERROR_REASON_LIMIT_REACHED && limit.name == reached {
			return fmt.Sprintf("%s. A platform admin raises the limit with `siteplane tenant limits TENANT --%s N`", limit.room, limit.flag)
		}
	}
	return adviceOn[reason]
}

// adviceOn says what to do about each reason a server can give.
var adviceOn = map[lifecyclev1.ErrorReason]string{
	lifecyclev1.ErrorReason_ERROR_REASON_INVALID_FIELDS:     "correct the values named above; --help shows their form",
	lifecyclev1.ErrorReason_ERROR_REASON_NOT_FOUND:          "`siteplane site list` and `siteplane domain list` show what this key may see",
	lifecyclev1.ErrorReason_ERROR_REASON_NAME_TAKEN:         "choose another name with --slug",
	lifecyclev1.ErrorReason_ERROR_REASON_ILLEGAL_TRANSITION: "`siteplane site get SITE` and `siteplane domain get DOMAIN` show where it is; wait until it has moved on",
	lifecyclev1.ErrorReason_ERROR_REASON_LOST_RACE:          "somebody changed it at the same moment; run the command again",
	lifecyclev1.ErrorReason_ERROR_REASON_BAD_CREDENTIAL: "the config file needs a valid key: this one is wrong, revoked or expired. An admin of the tenant makes another " +
		"with `siteplane key create`; `siteplane context add` keeps it; `siteplane up` makes one where its file is missing",
	lifecyclev1.ErrorReason_ERROR_REASON_NOT_ALLOWED: "`siteplane whoami` shows the role of this key; somebody who has the role that is demanded makes such a key " +
		"with `siteplane key create NAME --role ROLE`",
	lifecyclev1.ErrorReason_ERROR_REASON_UNAVAILABLE:       "wait a moment and run the command again",
	lifecyclev1.ErrorReason_ERROR_REASON_INTERNAL:          "this is a fault of the server; its log has the details under the trace id",
	lifecyclev1.ErrorReason_ERROR_REASON_REQUEST_ID_REUSED: "the command that had this id first was done; look what came of it, or give this one an id of its own",
	lifecyclev1.ErrorReason_ERROR_REASON_LIMIT_REACHED:     "run it again when less is in use, for instance fewer watches",
	lifecyclev1.ErrorReason_ERROR_REASON_TENANT_SUSPENDED: "the tenant may read and nothing else; its sites go on serving. Ask whoever runs the installation, " +
		"who ends it with `siteplane tenant resume TENANT`",
	lifecyclev1.ErrorReason_ERROR_REASON_REQUEST_IN_PROGRESS: "the first command of this id is still at work; run it again in a moment, with the same --request-id",
	lifecyclev1.ErrorReason_ERROR_REASON_CURSOR_EXPIRED: "what happened since this cursor is not kept any more; look at the objects with `siteplane site list`, " +
		"and watch from now on without --since",
	lifecyclev1.ErrorReason_ERROR_REASON_SLOW_READER: "read faster what the command writes, and go on with --since and the last cursor",
}
