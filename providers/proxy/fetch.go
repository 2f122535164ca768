package proxy

import (
	"context"

	"synctv/providers"
)

const maxPlaylists = 256

type playlist struct{}

func (p *Proxy) fetch(context.Context, Ticket, Request) (*Response, error) {
	return nil, &providers.Error{Class: providers.ClassUnsupported}
}
