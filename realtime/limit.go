package realtime

// bucket is a token bucket on the media clock. It belongs to one goroutine.
type bucket struct {
	rate  float64 // tokens per second
	burst float64
	level float64
	at    float64
}

func newBucket(rate, burst float64) bucket { return bucket{rate: rate, burst: burst, level: burst} }

// take uses one token and says whether there was one.
func (b *bucket) take(now float64) bool {
	if b.at > 0 && now > b.at {
		b.level = min(b.burst, b.level+(now-b.at)/1000*b.rate)
	}
	b.at = now
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}

// strikes counts the seconds in which somebody went over a limit. Three within
// a minute are enough.
type strikes struct {
	at   [3]float64
	next int
}

// add notes that a limit was passed at now. first: it is the first time in
// this second, so the sender should be told; out: it has been enough.
func (s *strikes) add(now float64) (first, out bool) {
	if last := s.at[(s.next+2)%3]; last > 0 && now-last < 1000 {
		return false, false
	}
	s.at[s.next] = now
	s.next = (s.next + 1) % 3
	oldest := s.at[s.next] // of the last three
	return true, oldest > 0 && now-oldest <= 60_000
}
