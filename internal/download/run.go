package download

import "time"

// Run is one question of a person's, about one target or many: what holds now is
// wanted, not what a process found out some time ago. The zero Run is that of a
// program, whose handshakes must cost neither itself nor the addresses much.
//
// In a Run an address is asked again when the copy at hand is older than [Recent],
// and once for all targets: what the Run itself has asked for answers from then
// on. A failure answers only when it is the Run's own, and for a minute.
type Run struct {
	Began time.Time // zero: there is none
	// PastCaches asks again for every copy, however young, for the whole body,
	// and past the caches between here and the server. What was proved is still
	// displaced only by what is proved and newer.
	PastCaches bool
}

// Recent is the age beyond which a Run has a copy confirmed.
const Recent = 10 * time.Minute

// failureOfRun is for how long a Run's failure answers.
const failureOfRun = time.Minute

// slack is how far apart the clocks of judgements in one Run may be: each reads
// its own when it begins to ask.
const slack = 10 * time.Second

func (r Run) begun() bool { return !r.Began.IsZero() }

// has reports whether what happened at t happened in r.
func (r Run) has(t time.Time) bool { return r.begun() && !t.Before(r.Began) }

// Asked reports whether r itself got a copy that came or was confirmed at fetched,
// and less than a minute before now.
func (r Run) Asked(fetched, now time.Time) bool {
	return r.has(fetched) && now.Sub(fetched) < failureOfRun
}

// answers reports whether the failure f, of this process, answers in r.
func (r Run) answers(f failure, now time.Time) bool {
	at := f.until.Add(-f.wait)
	return r.has(at) && now.Sub(at) < failureOfRun
}
