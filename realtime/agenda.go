package realtime

// What a room has to do at some time, each at most once.
const (
	dueEnd       = iota // the media reaches its end
	dueOver             // the viewers had their time to reach it too
	dueNext             // the next media starts
	dueRetry            // the next media is looked for again
	dueHold             // the hold has lasted long enough
	dueStall            // somebody has buffered for a second
	dueSave             // a second of quiet after a seek
	dueHeartbeat        // ten seconds of playing
	dueResend           // the safety net
	duePeers            // player states changed
	duePresence         // somebody came or went
	dueEmpty            // nobody came back
	dueRetire           // the room sleeps
	dueSweep            // pings, and connections that are silent
	dueCount
)

// agenda is the media time of each, 0: never.
type agenda [dueCount]float64

func (a *agenda) set(what int, at float64) { a[what] = at }

// soon sets what unless it is set already.
func (a *agenda) soon(what int, at float64) {
	if a[what] == 0 {
		a[what] = at
	}
}

func (a *agenda) clear(what int) { a[what] = 0 }

// first returns the earliest time, 0 when there is none.
func (a *agenda) first() float64 {
	first := 0.0
	for _, at := range a {
		if at > 0 && (first == 0 || at < first) {
			first = at
		}
	}
	return first
}

// take says whether what is due at now, and clears it.
func (a *agenda) take(what int, now float64) bool {
	if a[what] == 0 || a[what] > now {
		return false
	}
	a[what] = 0
	return true
}
