package proxy

import (
	"container/list"
	"crypto/sha256"
	"net/http"
	"sync"
)

// maxHeaderSets bounds the sets of headers that are too large for a ticket.
const maxHeaderSets = 1024

// headerSets keeps large header sets by the hash of their content; the set used
// longest ago makes room, and its tickets end with link_expired.
type headerSets struct {
	mu     sync.Mutex
	byID   map[string]*list.Element // of *headerSet
	recent *list.List
}

type headerSet struct {
	id     string
	header http.Header
}

func newHeaderSets() *headerSets {
	return &headerSets{byID: map[string]*list.Element{}, recent: list.New()}
}

func (s *headerSets) keep(marshalled []byte, h http.Header) []byte {
	sum := sha256.Sum256(marshalled)
	id := string(sum[:16])
	s.mu.Lock()
	defer s.mu.Unlock()
	if el, ok := s.byID[id]; ok {
		s.recent.MoveToFront(el)
		return sum[:16]
	}
	s.byID[id] = s.recent.PushFront(&headerSet{id: id, header: h.Clone()})
	for s.recent.Len() > maxHeaderSets {
		last := s.recent.Back()
		s.recent.Remove(last)
		delete(s.byID, last.Value.(*headerSet).id)
	}
	return sum[:16]
}

func (s *headerSets) find(id []byte) (http.Header, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	el, ok := s.byID[string(id)]
	if !ok {
		return nil, false
	}
	s.recent.MoveToFront(el)
	return el.Value.(*headerSet).header.Clone(), true
}
