-- The first schema: what a site with rooms, a library, playback and chat keeps.
-- Ids, times (Unix ms, UTC) and every *_key (NFKC and case folded) come from
-- Go. No triggers, no defaults that depend on the clock or on chance. Tables
-- without rowid: the key in the file is the key in the replication log.

-- +goose Up

CREATE TABLE files (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    owner_id    TEXT REFERENCES users (id) ON DELETE SET NULL,
    kind        TEXT NOT NULL CHECK (kind IN ('avatar', 'room_cover', 'playlist_cover', 'media_cover', 'subtitle', 'chat_image')),
    mime        TEXT NOT NULL,
    size        INTEGER NOT NULL CHECK (size >= 0),
    sha256      TEXT NOT NULL CHECK (length(sha256) = 64),
    width       INTEGER,
    height      INTEGER,
    storage_key TEXT NOT NULL,
    ref_count   INTEGER NOT NULL DEFAULT 0 CHECK (ref_count >= 0),
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX files_content ON files (sha256, kind);
CREATE INDEX files_orphans ON files (created_at) WHERE ref_count = 0;
CREATE INDEX files_owner ON files (owner_id) WHERE owner_id IS NOT NULL;

CREATE TABLE users (
    id                  TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    username            TEXT NOT NULL CHECK (length(username) BETWEEN 3 AND 50),
    username_key        TEXT NOT NULL,
    display_name        TEXT NOT NULL DEFAULT '' CHECK (length(display_name) <= 64),
    avatar_file_id      TEXT REFERENCES files (id) ON DELETE SET NULL,
    role                TEXT NOT NULL DEFAULT 'user' CHECK (role IN ('root', 'admin', 'user')),
    status              TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'pending', 'banned')),
    signup_method       TEXT NOT NULL CHECK (signup_method IN ('password', 'email', 'oauth', 'passkey', 'admin', 'setup')),
    password_hash       TEXT,
    password_changed_at INTEGER NOT NULL,
    token_epoch         INTEGER NOT NULL DEFAULT 0,
    locale              TEXT NOT NULL DEFAULT '' CHECK (length(locale) <= 16),
    last_seen_at        INTEGER,
    deleted_at          INTEGER,
    deleted_by          TEXT,
    delete_reason       TEXT CHECK (length(delete_reason) <= 500),
    created_at          INTEGER NOT NULL,
    updated_at          INTEGER NOT NULL,
    version             INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX users_name ON users (username_key) WHERE deleted_at IS NULL;
CREATE INDEX users_role ON users (role);
CREATE INDEX users_status ON users (status);
CREATE INDEX users_created ON users (created_at);
CREATE INDEX users_deleted ON users (deleted_at);
CREATE INDEX users_avatar ON users (avatar_file_id) WHERE avatar_file_id IS NOT NULL;

CREATE TABLE sessions (
    id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    family_id       TEXT NOT NULL,
    device_name     TEXT NOT NULL CHECK (length(device_name) <= 100),
    user_agent      TEXT NOT NULL CHECK (length(user_agent) <= 255),
    ip              TEXT NOT NULL CHECK (length(ip) <= 45),
    auth_methods    TEXT NOT NULL CHECK (json_valid(auth_methods)),
    step_up_at      INTEGER,
    last_used_at    INTEGER NOT NULL,
    expires_at      INTEGER NOT NULL,
    idle_expires_at INTEGER NOT NULL,
    revoked_at      INTEGER,
    revoke_reason   TEXT,
    created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id, revoked_at);
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX sessions_revoked ON sessions (revoked_at) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_family ON sessions (family_id);

CREATE TABLE refresh_tokens (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    session_id  TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    token_hash  BLOB NOT NULL CHECK (length(token_hash) = 32),
    rotated_at  INTEGER,
    replaced_by TEXT,
    expires_at  INTEGER NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX refresh_tokens_hash ON refresh_tokens (token_hash);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session_id);

CREATE TABLE challenges (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    kind        TEXT NOT NULL,
    user_id     TEXT REFERENCES users (id) ON DELETE CASCADE,
    secret_hash TEXT NOT NULL,
    data        TEXT NOT NULL CHECK (json_valid(data)),
    expires_at  INTEGER NOT NULL,
    used_at     INTEGER,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX challenges_expiry ON challenges (expires_at);
CREATE INDEX challenges_user ON challenges (user_id) WHERE user_id IS NOT NULL;

CREATE TABLE signing_keys (
    kid          TEXT NOT NULL PRIMARY KEY CHECK (length(kid) = 16),
    alg          TEXT NOT NULL DEFAULT 'RS256',
    private_enc  BLOB NOT NULL,
    public_pem   TEXT NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('next', 'active', 'retired')),
    activated_at INTEGER,
    retired_at   INTEGER,
    expires_at   INTEGER,
    created_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (state) WHERE state = 'active';

CREATE TABLE settings (
    key        TEXT NOT NULL PRIMARY KEY CHECK (length(key) <= 200),
    value      TEXT NOT NULL CHECK (json_valid(value)),
    updated_by TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

CREATE TABLE rooms (
    id               TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    slug             TEXT CHECK (length(slug) BETWEEN 3 AND 40),
    name             TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    name_key         TEXT NOT NULL,
    description      TEXT NOT NULL CHECK (length(description) <= 500),
    cover_file_id    TEXT REFERENCES files (id) ON DELETE SET NULL,
    category_id      TEXT,
    creator_id       TEXT NOT NULL REFERENCES users (id) ON DELETE RESTRICT,
    visibility       TEXT NOT NULL DEFAULT 'public' CHECK (visibility IN ('public', 'unlisted', 'private')),
    status           TEXT NOT NULL DEFAULT 'active' CHECK (status IN ('pending', 'active', 'closed', 'banned')),
    password_hash    TEXT,
    password_epoch   INTEGER NOT NULL DEFAULT 0,
    last_activity_at INTEGER NOT NULL,
    peak_viewers     INTEGER NOT NULL DEFAULT 0,
    deleted_at       INTEGER,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    version          INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX rooms_name ON rooms (creator_id, name_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX rooms_slug ON rooms (slug);
CREATE INDEX rooms_listed ON rooms (visibility, status, last_activity_at);
CREATE INDEX rooms_category ON rooms (category_id, last_activity_at);
CREATE INDEX rooms_creator ON rooms (creator_id);
CREATE INDEX rooms_deleted ON rooms (deleted_at);
CREATE INDEX rooms_cover ON rooms (cover_file_id) WHERE cover_file_id IS NOT NULL;

CREATE TABLE room_members (
    room_id         TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id         TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role            TEXT NOT NULL CHECK (role IN ('creator', 'admin', 'member')),
    status          TEXT NOT NULL CHECK (status IN ('active', 'pending', 'banned')),
    added           INTEGER NOT NULL DEFAULT 0 CHECK (added >= 0),
    removed         INTEGER NOT NULL DEFAULT 0 CHECK (removed >= 0),
    nickname        TEXT NOT NULL DEFAULT '' CHECK (length(nickname) <= 64),
    tag             TEXT NOT NULL DEFAULT '' CHECK (length(tag) <= 16),
    joined_at       INTEGER,
    invited_by      TEXT,
    banned_by       TEXT,
    ban_reason      TEXT NOT NULL DEFAULT '' CHECK (length(ban_reason) <= 500),
    ban_ends_at     INTEGER,
    last_visited_at INTEGER,
    visit_count     INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    version         INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (room_id, user_id),
    CHECK ((added & removed) = 0)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX room_members_creator ON room_members (room_id) WHERE role = 'creator';
CREATE INDEX room_members_user ON room_members (user_id, status);
CREATE INDEX room_members_role ON room_members (room_id, status, role);

CREATE TABLE room_settings (
    room_id    TEXT NOT NULL PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    settings   TEXT NOT NULL CHECK (json_valid(settings)),
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    version    INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;

CREATE TABLE guest_epochs (
    room_id    TEXT NOT NULL PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    epoch      INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- user_id may be a guest's id: no reference.
CREATE TABLE kick_cooldowns (
    room_id    TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id    TEXT NOT NULL,
    kicked_by  TEXT NOT NULL,
    ends_at    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (room_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE provider_instances (
    name         TEXT NOT NULL PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 64),
    providers    TEXT NOT NULL CHECK (json_valid(providers)),
    kind         TEXT NOT NULL CHECK (kind IN ('builtin', 'remote', 'server')),
    endpoint     TEXT NOT NULL CHECK (length(endpoint) <= 512),
    config_enc   BLOB NOT NULL,
    tls          TEXT NOT NULL CHECK (json_valid(tls)),
    timeout_ms   INTEGER NOT NULL DEFAULT 10000,
    enabled      INTEGER NOT NULL CHECK (enabled IN (0, 1)),
    priority     INTEGER NOT NULL,
    rate_per_min INTEGER,
    comment      TEXT NOT NULL CHECK (length(comment) <= 500),
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    version      INTEGER NOT NULL DEFAULT 1
) STRICT, WITHOUT ROWID;
CREATE INDEX provider_instances_enabled ON provider_instances (enabled);

-- instance names a row of provider_instances or a folder given at the command
-- line, which has no row: no reference here and in media.
CREATE TABLE playlists (
    id               TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    room_id          TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    parent_id        TEXT,
    is_root          INTEGER NOT NULL CHECK (is_root IN (0, 1)),
    name             TEXT NOT NULL CHECK (length(name) <= 255),
    description      TEXT NOT NULL CHECK (length(description) <= 5000),
    cover_file_id    TEXT REFERENCES files (id) ON DELETE SET NULL,
    kind             TEXT NOT NULL DEFAULT 'static' CHECK (kind IN ('static', 'dynamic')),
    source_provider  TEXT,
    instance         TEXT,
    source_config    TEXT CHECK (json_valid(source_config)),
    binding_owner_id TEXT REFERENCES users (id) ON DELETE SET NULL,
    browse_mode      TEXT NOT NULL DEFAULT 'all' CHECK (browse_mode IN ('all', 'direct')),
    access_mode      TEXT NOT NULL DEFAULT 'inherit' CHECK (access_mode IN ('inherit', 'room', 'members', 'admins', 'list')),
    creator_id       TEXT REFERENCES users (id) ON DELETE SET NULL,
    position         INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    version          INTEGER NOT NULL DEFAULT 1,
    FOREIGN KEY (parent_id, room_id) REFERENCES playlists (id, room_id),
    CHECK (parent_id <> id),
    CHECK ((is_root = 1) = (parent_id IS NULL)),
    CHECK ((kind = 'dynamic') = (source_provider IS NOT NULL AND source_config IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX playlists_in_room ON playlists (id, room_id);
CREATE UNIQUE INDEX playlists_root ON playlists (room_id) WHERE is_root = 1;
CREATE INDEX playlists_order ON playlists (room_id, parent_id, position, id);
CREATE INDEX playlists_parent ON playlists (parent_id, room_id);
CREATE INDEX playlists_cover ON playlists (cover_file_id) WHERE cover_file_id IS NOT NULL;

CREATE TABLE media (
    id               TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    room_id          TEXT NOT NULL,
    playlist_id      TEXT NOT NULL,
    creator_id       TEXT REFERENCES users (id) ON DELETE SET NULL,
    name             TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 500),
    name_key         TEXT NOT NULL,
    description      TEXT NOT NULL CHECK (length(description) <= 5000),
    source_provider  TEXT NOT NULL,
    instance         TEXT,
    binding_owner_id TEXT REFERENCES users (id) ON DELETE SET NULL,
    share            INTEGER NOT NULL CHECK (share IN (0, 1)),
    source_config    TEXT NOT NULL CHECK (json_valid(source_config) AND length(source_config) <= 16384),
    live             INTEGER NOT NULL DEFAULT 0 CHECK (live IN (0, 1)),
    proxy            TEXT NOT NULL DEFAULT 'auto' CHECK (proxy IN ('auto', 'on', 'off')),
    duration         REAL CHECK (duration >= 0),
    thumbnail_url    TEXT CHECK (length(thumbnail_url) <= 2048),
    cover_file_id    TEXT REFERENCES files (id) ON DELETE SET NULL,
    headers_enc      BLOB,
    access_mode      TEXT NOT NULL DEFAULT 'inherit' CHECK (access_mode IN ('inherit', 'room', 'members', 'admins', 'list')),
    position         INTEGER NOT NULL,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    version          INTEGER NOT NULL DEFAULT 1,
    FOREIGN KEY (playlist_id, room_id) REFERENCES playlists (id, room_id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX media_in_room ON media (id, room_id);
CREATE INDEX media_order ON media (playlist_id, position, id);
CREATE INDEX media_creator ON media (room_id, creator_id);
CREATE INDEX media_instance ON media (instance);
CREATE INDEX media_cover ON media (cover_file_id) WHERE cover_file_id IS NOT NULL;

CREATE TABLE media_tracks (
    id         TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    media_id   TEXT NOT NULL REFERENCES media (id) ON DELETE CASCADE,
    kind       TEXT NOT NULL CHECK (kind IN ('subtitle', 'danmaku', 'audio', 'alt_source')),
    name       TEXT NOT NULL CHECK (length(name) <= 100),
    lang       TEXT NOT NULL CHECK (length(lang) <= 16),
    format     TEXT NOT NULL,
    url        TEXT CHECK (length(url) <= 4096),
    file_id    TEXT REFERENCES files (id) ON DELETE SET NULL,
    position   INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX media_tracks_media ON media_tracks (media_id);
CREATE INDEX media_tracks_file ON media_tracks (file_id) WHERE file_id IS NOT NULL;

CREATE TABLE playback_state (
    room_id     TEXT NOT NULL PRIMARY KEY REFERENCES rooms (id) ON DELETE CASCADE,
    media_id    TEXT,
    playlist_id TEXT,
    target      TEXT CHECK (json_valid(target)),
    target_hash TEXT,
    playing     INTEGER NOT NULL DEFAULT 0 CHECK (playing IN (0, 1)),
    position    REAL NOT NULL DEFAULT 0 CHECK (position >= 0),
    rate        REAL NOT NULL DEFAULT 1 CHECK (rate BETWEEN 0.25 AND 4),
    duration    REAL,
    epoch       INTEGER NOT NULL DEFAULT 0,
    generation  INTEGER NOT NULL DEFAULT 1,
    mode_state  TEXT CHECK (json_valid(mode_state)),
    updated_by  TEXT,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    version     INTEGER NOT NULL DEFAULT 1,
    FOREIGN KEY (media_id, room_id) REFERENCES media (id, room_id) ON DELETE RESTRICT
) STRICT, WITHOUT ROWID;
CREATE INDEX playback_state_media ON playback_state (media_id, room_id) WHERE media_id IS NOT NULL;

CREATE TABLE playback_progress (
    room_id     TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    item_key    TEXT NOT NULL CHECK (length(item_key) = 64),
    media_id    TEXT REFERENCES media (id) ON DELETE CASCADE,
    playlist_id TEXT,
    target      TEXT CHECK (json_valid(target)),
    position    REAL NOT NULL CHECK (position >= 0),
    duration    REAL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (room_id, item_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX playback_progress_age ON playback_progress (room_id, updated_at);
CREATE INDEX playback_progress_media ON playback_progress (media_id) WHERE media_id IS NOT NULL;

CREATE TABLE playback_history (
    id              TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    room_id         TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    item_key        TEXT NOT NULL CHECK (length(item_key) = 64),
    media_id        TEXT REFERENCES media (id) ON DELETE SET NULL,
    playlist_id     TEXT,
    target          TEXT CHECK (json_valid(target)),
    name            TEXT NOT NULL CHECK (length(name) <= 500),
    selected_by     TEXT REFERENCES users (id) ON DELETE SET NULL,
    started_at      INTEGER NOT NULL,
    stop_position   REAL NOT NULL,
    watched_seconds REAL NOT NULL,
    peak_viewers    INTEGER NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX playback_history_room ON playback_history (room_id, started_at DESC);
CREATE INDEX playback_history_media ON playback_history (media_id) WHERE media_id IS NOT NULL;

-- The author is user_id, or guest_id with guest_name, or nobody any more.
CREATE TABLE chat_messages (
    id            TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    room_id       TEXT NOT NULL REFERENCES rooms (id) ON DELETE CASCADE,
    user_id       TEXT REFERENCES users (id) ON DELETE SET NULL,
    guest_id      TEXT,
    guest_name    TEXT CHECK (length(guest_name) <= 32),
    kind          TEXT NOT NULL DEFAULT 'text' CHECK (kind IN ('text', 'danmaku', 'system', 'image')),
    content       TEXT NOT NULL CHECK (length(content) <= 500),
    reply_to      TEXT REFERENCES chat_messages (id) ON DELETE SET NULL,
    danmaku       TEXT CHECK (json_valid(danmaku)),
    mentions      TEXT NOT NULL CHECK (json_valid(mentions)),
    file_id       TEXT REFERENCES files (id) ON DELETE SET NULL,
    client_id     TEXT CHECK (length(client_id) <= 64),
    edited_at     INTEGER,
    deleted_at    INTEGER,
    deleted_by    TEXT,
    delete_reason TEXT CHECK (length(delete_reason) <= 200),
    seq           INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL,
    version       INTEGER NOT NULL DEFAULT 1,
    CHECK (user_id IS NULL OR guest_id IS NULL)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX chat_messages_seq ON chat_messages (room_id, seq);
CREATE UNIQUE INDEX chat_messages_client ON chat_messages (room_id, user_id, client_id) WHERE user_id IS NOT NULL AND client_id IS NOT NULL;
CREATE UNIQUE INDEX chat_messages_guest_client ON chat_messages (room_id, guest_id, client_id) WHERE guest_id IS NOT NULL AND client_id IS NOT NULL;
CREATE INDEX chat_messages_time ON chat_messages (room_id, created_at);
CREATE INDEX chat_messages_danmaku ON chat_messages (room_id, json_extract(danmaku, '$.item_key'), json_extract(danmaku, '$.position')) WHERE kind = 'danmaku';
CREATE INDEX chat_messages_replies ON chat_messages (reply_to) WHERE reply_to IS NOT NULL;
CREATE INDEX chat_messages_user ON chat_messages (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX chat_messages_file ON chat_messages (file_id) WHERE file_id IS NOT NULL;

CREATE TABLE audit_log (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 20),
    at          INTEGER NOT NULL,
    actor_id    TEXT,
    actor_name  TEXT NOT NULL CHECK (length(actor_name) <= 50),
    actor_type  TEXT NOT NULL CHECK (actor_type IN ('user', 'guest', 'site_admin', 'system', 'cli')),
    action      TEXT NOT NULL CHECK (length(action) <= 64),
    target_type TEXT NOT NULL,
    target_id   TEXT NOT NULL,
    room_id     TEXT,
    result      TEXT NOT NULL CHECK (result IN ('ok', 'denied', 'failed')),
    details     TEXT NOT NULL CHECK (json_valid(details) AND length(details) <= 8192),
    ip          TEXT NOT NULL,
    user_agent  TEXT NOT NULL CHECK (length(user_agent) <= 255),
    request_id  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_log_at ON audit_log (at DESC);
CREATE INDEX audit_log_actor ON audit_log (actor_id, at);
CREATE INDEX audit_log_action ON audit_log (action, at);
CREATE INDEX audit_log_target ON audit_log (target_type, target_id, at);
CREATE INDEX audit_log_room ON audit_log (room_id, at);

CREATE TABLE idempotency_keys (
    actor      TEXT NOT NULL,
    route      TEXT NOT NULL,
    key        TEXT NOT NULL,
    body_hash  TEXT NOT NULL,
    state      TEXT NOT NULL CHECK (state IN ('running', 'done')),
    status     INTEGER NOT NULL,
    response   BLOB,
    expires_at INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (actor, route, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_expiry ON idempotency_keys (expires_at);
