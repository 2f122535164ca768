package realtime

import "time"

// MediaClock is the clock of all *_at values of sync messages: the wall clock
// at its start plus the monotonic time since. A step of the host's clock moves
// no viewer.
type MediaClock struct {
	start time.Time
	base  float64 // Unix ms
}

// NewMediaClock starts a clock.
func NewMediaClock() *MediaClock {
	now := time.Now()
	return &MediaClock{start: now, base: float64(now.UnixNano()) / 1e6}
}

// Now returns the time in Unix ms with fraction. It never goes back.
func (c *MediaClock) Now() float64 {
	return c.base + float64(time.Since(c.start).Nanoseconds())/1e6
}

// wallNow is the wall clock in Unix ms, for what is stored.
func wallNow() float64 { return float64(time.Now().UnixMicro()) / 1e3 }
