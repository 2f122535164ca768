package library

import (
	"slices"

	"synctv/realtime/playback"
)

// bag remembers what a shuffled playlist has played already, oldest first; the
// current media is in it.
type bag struct {
	Playlist string   `json:"playlist,omitempty"`
	Played   []string `json:"played,omitempty"`
}

// in is the bag as it is for a playlist: another one starts empty, and what has
// left the playlist is forgotten.
func (b bag) in(playlist string, ids []string) bag {
	if b.Playlist != playlist {
		return bag{Playlist: playlist}
	}
	there := make(map[string]bool, len(ids))
	for _, id := range ids {
		there[id] = true
	}
	kept := make([]string, 0, len(b.Played))
	for _, id := range b.Played {
		if there[id] {
			kept = append(kept, id)
		}
	}
	return bag{Playlist: playlist, Played: kept}
}

// with notes that id plays now.
func (b bag) with(id string) bag {
	played := make([]string, 0, len(b.Played)+1)
	for _, p := range b.Played {
		if p != id {
			played = append(played, p)
		}
	}
	return bag{Playlist: b.Playlist, Played: append(played, id)}
}

// follow says what comes after the current media at its end, or when somebody
// asks for the next one; "" = nothing. ids are the media of the playlist in
// order, pick draws a number below n.
//
// At the end of a media repeat_one starts it over. Asked for the next one,
// people want another: then repeat_one goes on in order and wraps.
func follow(ids []string, current string, mode playback.Mode, asked bool, b bag, pick func(n int) int) string {
	if len(ids) == 0 {
		return ""
	}
	at := slices.Index(ids, current)
	switch mode {
	case playback.RepeatOne:
		if !asked && at >= 0 {
			return current
		}
		return ids[(at+1)%len(ids)]
	case playback.RepeatAll:
		return ids[(at+1)%len(ids)]
	case playback.Shuffle:
		return draw(ids, current, b, pick)
	default:
		if at < 0 || at+1 == len(ids) {
			return ""
		}
		return ids[at+1]
	}
}

func draw(ids []string, current string, b bag, pick func(n int) int) string {
	played := make(map[string]bool, len(b.Played)+1)
	for _, id := range b.Played {
		played[id] = true
	}
	played[current] = true
	left := make([]string, 0, len(ids))
	for _, id := range ids {
		if !played[id] {
			left = append(left, id)
		}
	}
	if len(left) == 0 {
		return ""
	}
	return left[pick(len(left))]
}

// precede says what came before the current media: in order, and for shuffle
// what was played before; "" = nothing.
func precede(ids []string, current string, mode playback.Mode, b bag) string {
	if mode == playback.Shuffle {
		if i := slices.Index(b.Played, current); i > 0 {
			return b.Played[i-1]
		}
		return ""
	}
	at := slices.Index(ids, current)
	switch {
	case at > 0:
		return ids[at-1]
	case at == 0 && mode != playback.Sequential:
		return ids[len(ids)-1]
	}
	return ""
}
