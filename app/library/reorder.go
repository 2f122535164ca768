package library

import (
	"fmt"

	"synctv/app/room"
)

// Move puts one item at a final position.
type Move struct {
	ID       string
	Position int
}

// Bounds of a batch, whatever it does.
const (
	minBatch = 1
	maxBatch = 1000
)

func checkBatch(name string, n int) error {
	if n < minBatch || n > maxBatch {
		return room.Invalid("body."+name, fmt.Sprintf("between %d and %d entries", minBatch, maxBatch))
	}
	return nil
}

// permute is the reorder that names every item: order must be an exact
// permutation of ids.
func permute(ids, order []string) ([]string, error) {
	var bad room.ValidationError
	var missing MissingError
	have := make(map[string]bool, len(ids)) // true once it was named
	for _, id := range ids {
		have[id] = false
	}
	for i, id := range order {
		at := fmt.Sprintf("body.order[%d]", i)
		switch named, known := have[id]; {
		case !known:
			missing.Fields = append(missing.Fields, room.Field{Location: at, Message: "not in this playlist"})
		case named:
			bad.Add(at, "named twice")
		default:
			have[id] = true
		}
	}
	if err := bad.OrNil(); err != nil {
		return nil, err
	}
	if len(missing.Fields) > 0 {
		return nil, &missing
	}
	if len(order) != len(ids) {
		return nil, room.Invalid("body.order", fmt.Sprintf("names %d of the %d items", len(order), len(ids)))
	}
	return order, nil
}

// rearrange is the reorder that names some items: each ends exactly at its
// final position, the rest keep their order in the gaps.
func rearrange(ids []string, moves []Move) ([]string, error) {
	if err := checkMoves(ids, moves); err != nil {
		return nil, err
	}
	out := make([]string, len(ids))
	moved := make(map[string]bool, len(moves))
	for _, m := range moves {
		out[m.Position] = m.ID
		moved[m.ID] = true
	}
	gap := 0
	for _, id := range ids {
		if moved[id] {
			continue
		}
		for out[gap] != "" {
			gap++
		}
		out[gap] = id
	}
	return out, nil
}

func checkMoves(ids []string, moves []Move) error {
	var bad room.ValidationError
	var missing MissingError
	known := make(map[string]bool, len(ids))
	for _, id := range ids {
		known[id] = true
	}
	seen, taken := map[string]bool{}, map[int]bool{}
	for i, m := range moves {
		at := fmt.Sprintf("body.moves[%d]", i)
		if !known[m.ID] {
			missing.Fields = append(missing.Fields, room.Field{Location: at + ".id", Message: "not in this playlist"})
		}
		if seen[m.ID] {
			bad.Add(at+".id", "named twice")
		}
		if m.Position < 0 || m.Position >= len(ids) {
			bad.Add(at+".position", fmt.Sprintf("must be between 0 and %d", len(ids)-1))
		} else if taken[m.Position] {
			bad.Add(at+".position", "given twice")
		}
		seen[m.ID], taken[m.Position] = true, true
	}
	if err := bad.OrNil(); err != nil {
		return err
	}
	if len(missing.Fields) > 0 {
		return &missing
	}
	return nil
}
