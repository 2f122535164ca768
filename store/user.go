package store

import "context"

// User is an account.
type User struct {
	ID                string
	Username          string
	UsernameKey       string // Fold of Username; AddUser and UpdateUser compute it
	DisplayName       string
	AvatarFileID      *string
	Role              string // root, admin, user
	Status            string // active, pending, banned
	SignupMethod      string // password, email, oauth, passkey, admin, setup
	PasswordHash      *string
	PasswordChangedAt Millis
	TokenEpoch        int64
	Locale            string
	LastSeenAt        *Millis
	DeletedAt         *Millis
	DeletedBy         *string
	DeleteReason      *string
	CreatedAt         Millis
	UpdatedAt         Millis
	Version           int64
}

var users = newTable("users", 1, `id username username_key display_name avatar_file_id role status signup_method
	password_hash password_changed_at token_epoch locale last_seen_at deleted_at deleted_by delete_reason
	created_at updated_at version`,
	func(u *User) []any {
		return []any{
			&u.ID, &u.Username, &u.UsernameKey, &u.DisplayName, &u.AvatarFileID, &u.Role, &u.Status, &u.SignupMethod,
			&u.PasswordHash, &u.PasswordChangedAt, &u.TokenEpoch, &u.Locale, &u.LastSeenAt, &u.DeletedAt, &u.DeletedBy, &u.DeleteReason,
			&u.CreatedAt, &u.UpdatedAt, &u.Version,
		}
	})

// Shown is the name that others see: the display name, or the user name.
func (u User) Shown() string {
	if u.DisplayName != "" {
		return u.DisplayName
	}
	return u.Username
}

// AddUser stores a new account. A taken name is a ConflictError with the key
// "users.username_key".
func (tx *Tx) AddUser(ctx context.Context, u *User) error {
	u.UsernameKey = Fold(u.Username)
	if u.PasswordChangedAt == 0 {
		u.PasswordChangedAt = tx.now
	}
	return users.add(ctx, tx, u)
}

// User is the account with this id, deleted or not.
func (tx *Tx) User(ctx context.Context, id string) (User, error) {
	return users.one(ctx, tx, "WHERE id = ?", id)
}

// UserByName is the account whose name folds to key, unless it is deleted.
func (tx *Tx) UserByName(ctx context.Context, key string) (User, error) {
	return users.one(ctx, tx, "WHERE username_key = ? AND deleted_at IS NULL", key)
}

// Users are the accounts with these ids, deleted ones too. Unknown ids are not
// in the map.
func (tx *Tx) Users(ctx context.Context, ids ...string) (map[string]User, error) {
	list, err := users.byKeys(ctx, tx, "", "id", nil, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[string]User, len(list))
	for _, u := range list {
		found[u.ID] = u
	}
	return found, nil
}

// CountUsers counts the active accounts of a site role, of all roles for "".
func (tx *Tx) CountUsers(ctx context.Context, role string) (int, error) {
	return value[int](ctx, tx, "SELECT count(*) FROM users WHERE (role = ? OR ? = '') AND status = 'active' AND deleted_at IS NULL", role, role)
}

// UpdateUser writes the account over the version it was read with.
func (tx *Tx) UpdateUser(ctx context.Context, u *User) error {
	u.UsernameKey = Fold(u.Username)
	return users.save(ctx, tx, u)
}

// TouchUser notes that the user was seen. It is no new version.
func (tx *Tx) TouchUser(ctx context.Context, id string, at Millis) error {
	return tx.execOne(ctx, "UPDATE users SET last_seen_at = ? WHERE id = ?", at, id)
}
