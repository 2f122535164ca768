package providers

import (
	"log/slog"
	"runtime/debug"
)

// rescue keeps a panic inside the goroutine it hit.
func rescue(log *slog.Logger, what string) {
	if p := recover(); p != nil {
		log.Error("panic", slog.String("what", what), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	}
}
