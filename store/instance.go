package store

import (
	"context"
	"encoding/json"
)

// ProviderInstance is a configured way to reach a provider.
type ProviderInstance struct {
	Name       string
	Providers  json.RawMessage // list of kinds
	Kind       string          // builtin, remote, server
	Endpoint   string
	ConfigEnc  []byte // sealed; empty when there is nothing to keep
	TLS        json.RawMessage
	TimeoutMS  int64 // 0 becomes 10000
	Enabled    bool
	Priority   int64
	RatePerMin *int64
	Comment    string
	CreatedAt  Millis
	UpdatedAt  Millis
	Version    int64
}

var instances = newTable("provider_instances", 1, `name providers kind endpoint config_enc tls timeout_ms enabled priority
	rate_per_min comment created_at updated_at version`,
	func(p *ProviderInstance) []any {
		return []any{
			&p.Name,
			jsonText{&p.Providers},
			&p.Kind, &p.Endpoint, &p.ConfigEnc,
			jsonText{&p.TLS},
			&p.TimeoutMS, &p.Enabled, &p.Priority,
			&p.RatePerMin, &p.Comment, &p.CreatedAt, &p.UpdatedAt, &p.Version,
		}
	})

// ProviderInstances are all stored instances, the highest priority first.
func (tx *Tx) ProviderInstances(ctx context.Context) ([]ProviderInstance, error) {
	return instances.list(ctx, tx, "ORDER BY priority DESC, name")
}

// PutProviderInstance stores a new instance (Version 0) or writes one over the
// version it was read with.
func (tx *Tx) PutProviderInstance(ctx context.Context, p *ProviderInstance) error {
	if p.ConfigEnc == nil {
		p.ConfigEnc = []byte{}
	}
	if p.TimeoutMS == 0 {
		p.TimeoutMS = 10000
	}
	if len(p.TLS) == 0 {
		p.TLS = json.RawMessage("{}")
	}
	if p.Version == 0 {
		return instances.add(ctx, tx, p)
	}
	return instances.save(ctx, tx, p)
}

// DeleteProviderInstance forgets an instance. Media that name it stay.
func (tx *Tx) DeleteProviderInstance(ctx context.Context, name string) error {
	return tx.execOne(ctx, "DELETE FROM provider_instances WHERE name = ?", name)
}
