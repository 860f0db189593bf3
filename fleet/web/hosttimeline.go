package web

import (
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"time"

	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/report"
)

// timeline is what a target came to over time, as a picture: a band of verdicts and
// one of certificates. Numbers are units of its SVG.
type timeline struct {
	Desc     string // for readers who do not see it
	From, To string
	Verdicts []band
	Certs    []band
}

// band is a stretch of time in the picture.
type band struct {
	X, Width int
	Class    string // of the verdict; "one" and "two" of certificates, by turns
	Text     string // in it, where there is room; else ""
	from     time.Time
	to       time.Time
	key      string
	words    string
}

// timelineWidth is the width of the picture.
const timelineWidth = 720

// stateRow is a state in the table of the timeline.
type stateRow struct {
	Began, Ended time.Time // Ended is zero of the one that lasts
	Verdict      report.Verdict
	Cause        string // quoted; "" for none
	Cert         string // path of the page about the certificate; "" for none
	CertName     string
	Checks       int64
	Report       string // path of the page with the report of that time; "" when it is not kept
	Here         bool   // the page shows it now
}

// hostHistory reads the states of a target, and draws them.
func (s *Server) hostHistory(ctx context.Context, v *hostView, before int64, now time.Time) error {
	states, err := s.Store.History(ctx, v.T.ID, before, hostStates+1)
	if err != nil {
		return err
	}
	if len(states) == 0 {
		return nil
	}
	names := map[report.Hash]string{}
	var hashes []watch.Hash
	for _, st := range states[:min(len(states), hostStates)] {
		if _, twice := names[st.Row.Leaf]; !twice && st.Row.Leaf != (report.Hash{}) {
			names[st.Row.Leaf] = ""
			hashes = append(hashes, watch.Hash(st.Row.Leaf))
		}
	}
	known, err := s.Store.Known(ctx, hashes)
	if err != nil {
		return err
	}
	for h := range names {
		c, found := known[watch.Hash(h)]
		if !found {
			delete(names, h)
			continue
		}
		names[h] = "until " + c.NotAfter.UTC().Format("2006-01-02") + ", " + c.KeyKind
	}
	v.Timeline = timelineOf(states[:min(len(states), hostStates)], names, now)
	for _, st := range states[:min(len(states), hostRows)] {
		row := stateRow{Began: st.Began, Ended: st.Ended, Verdict: st.Row.Verdict, Cause: short(120, st.Row.Title), Checks: st.Checks}
		if name, found := names[st.Row.Leaf]; found {
			row.Cert, row.CertName = "/certificates/"+hex.EncodeToString(st.Row.Leaf[:]), name
		}
		if st.Report {
			row.Report = v.Path + "?state=" + strconv.FormatInt(st.ID, 10)
		}
		row.Here = v.Old == nil && st.ID == v.T.State || v.Old != nil && v.Old.ID == st.ID
		v.States = append(v.States, row)
	}
	if len(states) > hostRows {
		v.Older = v.Path + "?before=" + strconv.FormatInt(states[hostRows-1].ID, 10) + "#history"
	}
	return nil
}

// timelineOf draws states, which come with the newest first.
func timelineOf(states []watch.State, names map[report.Hash]string, now time.Time) *timeline {
	first := states[len(states)-1].Began
	last := cmp.Or(states[0].Ended, now)
	if !last.After(first) {
		last = first.Add(time.Second)
	}
	at := func(t time.Time) int {
		return int(float64(timelineWidth) * min(max(float64(t.Sub(first))/float64(last.Sub(first)), 0), 1))
	}
	l := &timeline{From: whenOf(first), To: whenOf(last)}
	join := func(all []band, b band) []band {
		if n := len(all); n > 0 && all[n-1].key == b.key {
			all[n-1].to = b.to
			return all
		}
		return append(all, b)
	}
	for i := len(states) - 1; i >= 0; i-- {
		st := &states[i]
		to := cmp.Or(st.Ended, last)
		w := wordOf(st.Row.Verdict)
		l.Verdicts = join(l.Verdicts, band{Class: w.Class, key: w.Word, words: w.Word, from: st.Began, to: to})
		if name, found := names[st.Row.Leaf]; found {
			l.Certs = join(l.Certs, band{key: string(st.Row.Leaf[:]), words: "a certificate " + name, from: st.Began, to: to})
		} else if n := len(l.Certs); n > 0 { // while a server does not answer it is not known that its certificate is another
			l.Certs[n-1].to = to
		}
	}
	for i := range l.Certs {
		l.Certs[i].Class = []string{"one", "two"}[i%2]
	}
	for _, all := range [][]band{l.Verdicts, l.Certs} {
		for i := range all {
			b := &all[i]
			b.X = at(b.from)
			b.Width = max(at(b.to)-b.X, 1)
			if b.Width > 90 && b.key != "" {
				b.Text = b.words
				if room := b.Width / 8; len(b.Text) > room {
					b.Text = short(room, b.Text)
				}
			}
		}
	}
	l.Desc = fmt.Sprintf("From %s to %s. %s of verdict and %s of certificate. In the end: %s", l.From, l.To,
		plural(len(l.Verdicts)-1, "change", "changes"), plural(max(len(l.Certs)-1, 0), "change", "changes"), l.Verdicts[len(l.Verdicts)-1].words)
	if n := len(l.Certs); n > 0 {
		l.Desc += ", with " + l.Certs[n-1].words
	}
	l.Desc += ". The table below has each change."
	return l
}
