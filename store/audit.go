package store

import (
	"context"
	"encoding/json"

	"synctv/store/sqlgen"
)

// Audit is one line of the audit log: who did what to whom, and whether it was
// allowed.
type Audit struct {
	ID         string // AddAudit makes it when empty
	At         Millis // AddAudit sets it when zero
	ActorID    *string
	ActorName  string // cut to 50 characters
	ActorType  string // user, guest, site_admin, system, cli
	Action     string // "area.verb"
	TargetType string
	TargetID   string
	RoomID     *string
	Result     string // ok, denied, failed; empty = ok
	Details    json.RawMessage
	IP         string
	UserAgent  string // cut to 255 characters
	RequestID  string
}

// maxDetails is the length of Details that the table takes.
const maxDetails = 8192

var audits = newTable("audit_log", 1, `id at actor_id actor_name actor_type action target_type target_id room_id result details
	ip user_agent request_id`,
	func(a *Audit) []any {
		return []any{
			&a.ID, &a.At, &a.ActorID, &a.ActorName, &a.ActorType, &a.Action, &a.TargetType, &a.TargetID, &a.RoomID, &a.Result,
			jsonText{&a.Details},
			&a.IP, &a.UserAgent, &a.RequestID,
		}
	})

var auditOrder = sqlgen.Sort{Keys: []sqlgen.Key{{Expr: "audit_log.at"}, {Expr: "audit_log.id", Text: true}}, Desc: true}

// AuditFilter narrows a list of audit lines. Empty fields do not.
type AuditFilter struct {
	RoomID string
	Actor  string
	Action string
	Cursor string
	Limit  int
}

// AddAudit writes a line in the transaction of the change it tells of. Details
// that are too long are replaced by a note that says so.
func (tx *Tx) AddAudit(ctx context.Context, a *Audit) error {
	if a.ID == "" {
		a.ID = NewID()
	}
	orDefault(&a.Result, "ok")
	a.ActorName, a.UserAgent = clip(a.ActorName, 50), clip(a.UserAgent, 255)
	switch {
	case len(a.Details) == 0:
		a.Details = json.RawMessage("{}")
	case len(a.Details) > maxDetails:
		a.Details = json.RawMessage(`{"truncated":true}`)
	}
	return audits.add(ctx, tx, a)
}

// Audits lists the log, the latest first. next continues the list and is empty
// at its end.
func (tx *Tx) Audits(ctx context.Context, f AuditFilter) (list []Audit, next string, err error) {
	q := newPage(auditOrder, f.Cursor, f.Limit, "audit", f.RoomID, f.Actor, f.Action)
	q.where("audit_log.id <> ''")
	q.equal("audit_log.room_id", f.RoomID)
	q.equal("audit_log.actor_id", f.Actor)
	q.equal("audit_log.action", f.Action)
	return page(ctx, tx, audits, q, func(a Audit) []any { return []any{int64(a.At), a.ID} })
}
