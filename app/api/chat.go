package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"synctv/app/chat"
	"synctv/realtime/protocol"
)

// ChatPost is a message to be sent.
type ChatPost struct {
	Content  string `json:"content" minLength:"1" maxLength:"4000" doc:"At most 500 characters and 20 lines" example:"Popcorn is ready"`
	ClientID string `json:"client_id,omitempty" maxLength:"64" doc:"The same one again repeats the answer"`
	ReplyTo  string `json:"reply_to,omitempty" maxLength:"20"`
	Kind     string `json:"kind,omitempty" enum:"text"`
}

type posted struct {
	Status int
	Body   protocol.ChatMessage
}

func (s *Server) registerChat() {
	tags := []string{"Chat"}
	register(s, huma.Operation{
		OperationID: "list-chat", Method: http.MethodGet, Path: "/rooms/{room_id}/chat", Tags: tags, Summary: "Messages of a room",
		Description: "The newest first; with after, the oldest first. next_cursor is the number to pass as before (or after).",
	}, rule{Need: inRoom}, s.listChat)
	register(s, huma.Operation{
		OperationID: "post-chat", Method: http.MethodPost, Path: "/rooms/{room_id}/chat", Tags: tags, Summary: "Send a message",
		Description: "201; 200 when this client_id had sent it before.", DefaultStatus: http.StatusCreated,
	}, rule{Need: inRoom, Rate: "chat", Problems: []string{"idempotency-key-reused"}}, func(ctx context.Context, in *struct {
		RoomPath
		Body ChatPost
	},
	) (*posted, error) {
		m, replay, err := s.Chat.Post(ctx, actorOf(ctx), in.RoomID, chat.Draft{Content: in.Body.Content, ClientID: in.Body.ClientID, ReplyTo: in.Body.ReplyTo})
		if err != nil {
			return nil, err
		}
		out := &posted{Status: http.StatusCreated, Body: m}
		if replay {
			out.Status = http.StatusOK
		}
		return out, nil
	})
	register(s, huma.Operation{
		OperationID: "delete-chat", Method: http.MethodDelete, Path: "/rooms/{room_id}/chat/{message_id}", Tags: tags, DefaultStatus: noContent,
		Summary: "Take a message back", Description: "One's own, or any with delete_chat. Its place in the order stays.",
	}, rule{Need: inRoom}, func(ctx context.Context, in *struct {
		RoomPath
		MessageID string `path:"message_id" example:"06f1c2g9s3k5m7p9r1t3"`
		Reason    string `query:"reason" maxLength:"800"`
	},
	) (*status204, error) {
		return &status204{}, s.Chat.Delete(ctx, actorOf(ctx), in.RoomID, in.MessageID, in.Reason)
	})
}

func (s *Server) listChat(ctx context.Context, in *struct {
	RoomPath
	Before int64 `query:"before" minimum:"1" doc:"Messages with a lower number"`
	After  int64 `query:"after" minimum:"0" doc:"Messages with a higher number"`
	Limit  int   `query:"limit" minimum:"1" maximum:"100" default:"50"`
},
) (*body[page[protocol.ChatMessage]], error) {
	list, next, err := s.Chat.List(ctx, actorOf(ctx), in.RoomID, chat.Page{Before: in.Before, After: in.After, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	cursor := ""
	if next > 0 {
		cursor = strconv.FormatInt(next, 10)
	}
	return answer(pageOf(list, cursor)), nil
}
