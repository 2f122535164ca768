// Package direct plays any http or https URL.
//
// What a URL is gets decided by looking at its first bytes, never by trusting
// its name alone, and within two requests of bounded size.
//
// Imported by app. Imports providers.
package direct

import (
	"encoding/json"
	"net/http"
	"net/url"

	"synctv/providers"
)

// Provider resolves URLs. Safe for concurrent use.
type Provider struct {
	http     providers.Doer
	checkURL func(*url.URL) error
	probes   *providers.Cache[*probe]
}

// Source is what is stored of a direct media.
type Source struct {
	V         int    `json:"v,omitempty"`
	URL       string `json:"url"`
	Format    string `json:"format,omitempty"`     // a container, when the user knows better
	ExpiresAt int64  `json:"expires_at,omitempty"` // Unix seconds
}

type probe struct{ header http.Header }

// Factory makes the one built-in instance.
func Factory() providers.Factory { return providers.Factory{Kind: providers.KindDirect, BuiltIn: true} }

var _ = json.RawMessage{}
