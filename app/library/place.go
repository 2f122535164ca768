package library

import (
	"fmt"

	"synctv/app/room"
	"synctv/store"
)

// shelf is a playlist as an addition sees it.
type shelf struct {
	room, playlist string
	count          int // media in the playlist
	total          int // media in the room
	maxCount       int
	maxTotal       int
}

// place gives new media their positions: in the given order, from index on, or
// at the end when index is nil. It refuses everything when not all fit.
func place(sh shelf, rows []store.Media, index *int) (placed []store.Media, from int, err error) {
	if sh.count+len(rows) > sh.maxCount {
		return nil, 0, &room.QuotaError{What: "items per playlist", Limit: sh.maxCount, Current: sh.count}
	}
	if sh.total+len(rows) > sh.maxTotal {
		return nil, 0, &room.QuotaError{What: "media per room", Limit: sh.maxTotal, Current: sh.total}
	}
	from = sh.count
	if index != nil {
		if *index < 0 || *index > sh.count {
			return nil, 0, room.Invalid("body.index", fmt.Sprintf("must be between 0 and %d", sh.count))
		}
		from = *index
	}
	placed = make([]store.Media, len(rows))
	for i, row := range rows {
		row.RoomID, row.PlaylistID, row.Position = sh.room, sh.playlist, int64(from+i)
		placed[i] = row
	}
	return placed, from, nil
}
