package web

import (
	"context"
	"net/url"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/report"
)

// overviewPages has the first page.
func overviewPages() []pageRoute {
	return []pageRoute{{method: "GET", path: "/{$}", name: "Overview", answer: (*Server).overview}}
}

// The bounds of the overview, which keep it small whatever is watched.
const (
	overviewRows    = 50
	overviewCauses  = 5
	overviewChanges = 8
	overviewGroups  = 100
)

// overviewView is the overview.
type overviewView struct {
	Summary  watch.Summary
	Causes   []sharedCause
	Changes  []change
	More     bool // there were more changes than are shown
	Ask      askedFor
	Verdicts []choice
	Findings []choice
	Bys      []choice
	Groups   []groupRow
	Page     watch.TargetPage
	Next     string // address of the next page
}

// askedFor is what the overview was asked for.
type askedFor struct {
	Words, Verdict, Finding, Group, Tag, Issuer, Cause, By string
	IssuerName                                             string
	Filtered                                               bool
}

// choice is an entry of a list to choose from.
type choice struct {
	Value, Text string
	Chosen      bool
}

// sharedCause is something outside of the hosts from which several of them suffer.
type sharedCause struct {
	watch.CauseCount
	What string // in words
	Link string
}

// groupRow is hosts that have something in common.
type groupRow struct {
	watch.GroupCount
	Name string
	Link string // "" where no address can say which group it is
}

func (s *Server) overview(r *request) (*page, error) {
	now, ctx := time.Now(), r.Context()
	v := &overviewView{}
	q := v.ask(r)
	if r.wrong != nil {
		return nil, r.wrong
	}
	var err error
	if v.Summary, err = s.Store.Summary(ctx, now); err != nil {
		return nil, err
	}
	plain := !v.Ask.Filtered && q.Page == "" // the first page of everything also tells what is new
	if plain {
		if err := v.news(ctx, s.Store, now); err != nil {
			return nil, err
		}
	}
	if err := v.choices(ctx, s.Store); err != nil {
		return nil, err
	}
	if v.Ask.By != "" {
		groups, err := s.Store.Groups(ctx, watch.Grouping(v.Ask.By))
		if err != nil {
			return nil, err
		}
		v.group(groups)
	} else if v.Page, err = s.Store.Targets(ctx, q, now); err != nil {
		return nil, err
	}
	if v.Page.Next != "" {
		next := url.Values{}
		for k, all := range r.q {
			if len(all) == 1 && all[0] != "" {
				next.Set(k, all[0])
			}
		}
		next.Set("page", v.Page.Next)
		v.Next = "/?" + next.Encode()
	}
	title := "Overview"
	if v.Ask.Filtered {
		title = "Hosts found"
	}
	return &page{title: title, nav: "/", file: "overview.html", data: v, live: true}, nil
}

// ask reads what is asked for.
func (v *overviewView) ask(r *request) (q watch.TargetQuery) {
	a := &v.Ask
	*a = askedFor{Words: r.text("q"), Verdict: r.text("verdict"), Finding: r.text("finding"), Group: r.text("group"), Tag: r.text("tag"), Issuer: r.text("issuer"), Cause: r.text("cause"), By: r.text("by")}
	q = watch.TargetQuery{Anywhere: strings.TrimSpace(a.Words), Finding: finding.ID(a.Finding), Group: a.Group, Label: a.Tag, Issuer: r.hash("issuer", a.Issuer), Cause: a.Cause,
		Order: watch.ByWorst, Page: r.text("page"), Limit: overviewRows}
	switch verdict := report.Verdict(a.Verdict); verdict {
	case "":
	case report.Accept, report.Reject, report.Inconclusive:
		q.Verdicts = []report.Verdict{verdict}
	case "unchecked":
		q.Verdicts = []report.Verdict{""}
	default:
		r.fail("verdict", "accept, reject, inconclusive or unchecked")
	}
	switch watch.Grouping(a.By) {
	case "", watch.ByGroup, watch.ByTag, watch.ByIssuer:
	default:
		r.fail("by", "group, tag or issuer")
	}
	a.Filtered = *a != askedFor{}
	return q
}

// news are the causes that several hosts share, and what changed in the last 24 hours.
func (v *overviewView) news(ctx context.Context, store *watch.Store, now time.Time) error {
	causes, err := store.Causes(ctx)
	if err != nil {
		return err
	}
	for _, c := range causes {
		if c.Targets > 1 && len(v.Causes) < overviewCauses {
			v.Causes = append(v.Causes, sharedCause{c, causeWords(c), "/?" + url.Values{"cause": {c.Cause}}.Encode()})
		}
	}
	events, err := store.Events(ctx, watch.EventQuery{Newest: true, Limit: 100})
	if err != nil {
		return err
	}
	v.Changes, v.More = recentChanges(events, now)
	return nil
}

// recentChanges are those of the last 24 hours, of events with the newest first: one for
// each check, by what tells most of it. more says that there are others.
func recentChanges(events []watch.Event, now time.Time) (list []change, more bool) {
	for _, e := range events {
		if now.Sub(e.Time) > 24*time.Hour || e.Kind == watch.Added {
			continue
		}
		c := changeOf(e)
		if n := len(list); n > 0 && list[n-1].Target == e.Target && list[n-1].Time.Equal(e.Time) {
			had := &list[n-1]
			c.Others, had.Others = had.Others+1, had.Others+1
			if c.weight() < had.weight() {
				*had = c
			}
			continue
		}
		if len(list) == overviewChanges {
			return list, true
		}
		list = append(list, c)
	}
	return list, false
}

// causeWords says what a cause is.
func causeWords(c watch.CauseCount) string {
	if strings.HasPrefix(c.Cause, "certificate:") {
		return "the CA certificate " + short(100, c.Subject)
	}
	return "the revocation data at " + short(100, c.Cause)
}

// choices fills the lists of the form.
func (v *overviewView) choices(ctx context.Context, store *watch.Store) error {
	v.Verdicts = choose(v.Ask.Verdict, "", "any", "reject", "reject", "inconclusive", "inconclusive", "unchecked", "not checked yet", "accept", "accept")
	v.Bys = choose(v.Ask.By, "", "nothing", "group", "group", "tag", "tag", "issuer", "issuer")
	if issuer, err := hashText(v.Ask.Issuer); err == nil && v.Ask.Issuer != "" {
		if c, _, err := store.Certificate(ctx, issuer); err == nil {
			v.Ask.IssuerName = c.Subject
		}
	}
	return nil
}

// choose makes a list to choose from, of values and their texts.
func choose(chosen string, all ...string) (list []choice) {
	for i := 0; i+1 < len(all); i += 2 {
		list = append(list, choice{all[i], all[i+1], all[i] == chosen})
	}
	return list
}

// group takes the groups, with addresses of their hosts.
func (v *overviewView) group(all []watch.GroupCount) {
	for _, g := range all[:min(len(all), overviewGroups)] {
		name := g.Key
		if g.Label != "" {
			name = g.Label
		}
		row := groupRow{GroupCount: g, Name: name}
		if g.Key != "" && len(g.Key) <= maxParameter {
			row.Link = "/?" + url.Values{v.Ask.By: {g.Key}}.Encode()
		}
		v.Groups = append(v.Groups, row)
	}
}
