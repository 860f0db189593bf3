package web

import (
	"fmt"
	"slices"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/watch"
)

// change is an event in words.
type change struct {
	ID     int64
	Target int64
	Name   string
	Time   time.Time
	Text   string     // a sentence
	About  finding.ID // the finding that it is about; "" for none
	Others int        // further changes that the same check brought

	kind watch.EventKind
}

// weight orders the changes of one check: the verdict tells what came of the others.
func (c *change) weight() int {
	if i := slices.Index([]watch.EventKind{watch.Verdict, watch.Removed, watch.Unwatchable, watch.Certificate, watch.Found}, c.kind); i >= 0 {
		return i
	}
	return 99
}

// changeOf says what an event is. Texts of peers in an event are quoted.
func changeOf(e watch.Event) change {
	c := change{ID: e.ID, Target: e.Target, Name: e.Name, Time: e.Time, Text: "The host changed.", kind: e.Kind}
	was, is := e.Before, e.After
	if was == nil {
		was = &watch.Facts{}
	}
	if is == nil {
		is = &watch.Facts{}
	}
	switch e.Kind {
	case watch.Added:
		c.Text = "The first check: " + wordOf(is.Verdict).Word + "."
		c.About = is.Headline
	case watch.Removed:
		c.Text = "Nobody watches this host anymore."
	case watch.Verdict:
		c.Text = fmt.Sprintf("The verdict was %s and is %s.", wordOf(was.Verdict).Word, wordOf(is.Verdict).Word)
		if is.Title != "" {
			c.Text = fmt.Sprintf("The verdict was %s and is %s: %s.", wordOf(was.Verdict).Word, wordOf(is.Verdict).Word, short(160, is.Title))
		}
		c.About = is.Headline
	case watch.Certificate:
		c.Text = "The server has another certificate."
		if !is.NotAfter.IsZero() {
			c.Text = "The server has another certificate, which ends on " + whenOf(is.NotAfter) + "."
		}
	case watch.Key:
		c.Text = "The server has another key."
	case watch.Issuer:
		c.Text = "The certificate has another issuer: " + short(100, is.Issuer) + "."
	case watch.Chain:
		c.Text = "The server sends another chain."
	case watch.Found, watch.Gone, watch.Graded:
		f := is.Finding
		word := "New: "
		if e.Kind == watch.Gone {
			f, word = was.Finding, "No longer: "
		}
		if f != nil {
			if e.Kind == watch.Graded {
				word = fmt.Sprintf("The severity is %s now: ", f.Severity)
			}
			c.Text, c.About = word+short(160, f.Title)+".", f.ID
		}
	case watch.Unwatchable:
		c.Text = "The settings of this host's group cannot be used anymore."
	}
	return c
}
