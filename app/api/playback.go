package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"synctv/realtime/protocol"
)

// PlaybackNow is what a room watches, with the clock its times are on.
type PlaybackNow struct {
	protocol.PlaybackState
	ServerTimeMS float64 `json:"server_time_ms" doc:"The media clock now, in Unix milliseconds with fraction"`
}

func (s *Server) registerPlayback() {
	tags := []string{"Playback"}
	register(s, huma.Operation{
		OperationID: "get-playback", Method: http.MethodGet, Path: "/rooms/{room_id}/playback", Tags: tags, Summary: "What the room watches",
	}, rule{Need: inRoom}, func(ctx context.Context, in *RoomPath) (*body[PlaybackNow], error) {
		if _, err := s.Rooms.Me(ctx, actorOf(ctx), in.RoomID); err != nil {
			return nil, err
		}
		state, err := s.Hub.State(ctx, in.RoomID)
		if err != nil {
			return nil, err
		}
		return answer(s.playbackNow(state)), nil
	})
	register(s, huma.Operation{
		OperationID: "command-playback", Method: http.MethodPost, Path: "/rooms/{room_id}/playback", Tags: tags,
		Summary: "Play, pause, seek, change the rate or the media", Description: "The same command as playback.command of the WebSocket. 409 carries the state.",
	}, rule{Need: inRoom, Rate: "playback", Problems: []string{"conflict", "node-draining"}}, s.commandPlayback)
}

func (s *Server) playbackNow(state protocol.PlaybackState) PlaybackNow {
	return PlaybackNow{PlaybackState: state, ServerTimeMS: s.Hub.MediaNow()}
}

func (s *Server) commandPlayback(ctx context.Context, in *struct {
	RoomPath
	Body protocol.PlaybackCommand
},
) (*body[PlaybackNow], error) {
	if field := in.Body.Check(); field != "" {
		return nil, invalid("body."+field, "not a value that this command can have")
	}
	seat, err := s.Rooms.Enter(ctx, actorOf(ctx), in.RoomID)
	if err != nil {
		return nil, err
	}
	state, refused, err := s.Hub.Command(ctx, seatOf(seat), in.Body)
	if err != nil {
		return nil, err
	}
	if refused != nil {
		return nil, s.refusal(refused)
	}
	return answer(s.playbackNow(state)), nil
}

// refusal makes a problem of a playback command that changed nothing.
func (s *Server) refusal(r *protocol.PlaybackReject) error {
	switch r.Code {
	case protocol.RejectDenied:
		return newProblem("permission-denied", "you may not control the playback of this room")
	case protocol.RejectStale, protocol.RejectConflict:
		return conflictWith("the room has moved on, look at its state", "state", s.playbackNow(r.State))
	case protocol.RejectLive:
		return conflictWith("live media have no position and no rate", "state", s.playbackNow(r.State))
	case protocol.RejectRate:
		p := newProblem("rate-limited", "too many commands, try again in a moment")
		p.retryAfter(time.Second)
		return p
	case protocol.RejectValidation:
	}
	return invalid("body", "the room cannot do that: no such media, or nothing is selected")
}
