package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/assaytls/assay/finding"
	"github.com/assaytls/assay/fleet/watch"
)

// findingPages are those about findings: what hosts have now, and what it means.
func findingPages() []pageRoute {
	return []pageRoute{
		{method: "GET", path: "/findings", name: "Findings", answer: (*Server).findings},
		{method: "GET", path: "/explain/{id}", answer: (*Server).explain},
	}
}

// findingRows are the findings on one page.
const findingRows = 60

type findingsView struct {
	Words string
	Rows  []findingRow
	Total int
	All   bool // all kinds, whoever has them
	Next  string
}

// findingRow is a kind of finding and how many hosts have it now.
type findingRow struct {
	watch.FindingCount
	Title string
}

// findings lists what hosts have now or, when somebody searches, all kinds.
func (s *Server) findings(r *request) (*page, error) {
	v := &findingsView{Words: strings.TrimSpace(r.text("q"))}
	v.All = r.flag("all") || v.Words != ""
	from := int(r.number("from", 0, 100_000))
	if r.wrong != nil {
		return nil, r.wrong
	}
	counts, err := s.Store.FindingCounts(r.Context())
	if err != nil {
		return nil, err
	}
	for _, c := range counts {
		k, known := finding.Lookup(c.ID)
		if !known {
			k.Title = "a finding of an application's own"
		}
		v.Rows = append(v.Rows, findingRow{c, k.Title})
	}
	if v.All {
		v.Rows = allKinds(v.Rows, strings.ToLower(v.Words))
	}
	v.Total = len(v.Rows)
	v.Rows = v.Rows[min(from, v.Total):min(from+findingRows, v.Total)]
	if from+findingRows < v.Total {
		next := url.Values{"from": {strconv.Itoa(from + findingRows)}}
		if v.Words != "" {
			next.Set("q", v.Words)
		} else if v.All {
			next.Set("all", "true")
		}
		v.Next = "/findings?" + next.Encode()
	}
	return &page{title: "Findings", nav: "/findings", file: "findings.html", data: v, live: true}, nil
}

// allKinds are those that have the words in their ID or title, those first that hosts
// have.
func allKinds(have []findingRow, words string) (all []findingRow) {
	seen := map[finding.ID]bool{}
	fits := func(id finding.ID, title string) bool {
		return strings.Contains(string(id), words) || strings.Contains(strings.ToLower(title), words)
	}
	for _, row := range have {
		if seen[row.ID] = true; fits(row.ID, row.Title) {
			all = append(all, row)
		}
	}
	for _, k := range finding.Kinds() {
		if !seen[k.ID] && fits(k.ID, k.Title) {
			all = append(all, findingRow{watch.FindingCount{ID: k.ID, Severity: k.Severity}, k.Title})
		}
	}
	return all
}

type explainView struct {
	finding.Kind
	Known bool
	Hosts watch.TargetPage
	All   string // address of all hosts that have it
}

// explainHosts are the hosts on the page about a finding.
const explainHosts = 25

// explain says what a finding means, in the words of assay explain.
func (s *Server) explain(r *request) (*page, error) {
	id := finding.ID(r.PathValue("id"))
	if len(id) > 200 {
		return nil, problem(http.StatusNotFound, "there is no such finding")
	}
	v := &explainView{All: "/?" + url.Values{"finding": {string(id)}}.Encode()}
	v.Kind, v.Known = finding.Lookup(id)
	v.Kind.ID = id
	var err error
	if v.Hosts, err = s.Store.Targets(r.Context(), watch.TargetQuery{Finding: id, Order: watch.ByWorst, Limit: explainHosts}, time.Now()); err != nil {
		return nil, err
	}
	if !v.Known && v.Hosts.Total == 0 {
		return nil, problem(http.StatusNotFound, "there is no finding "+string(id))
	}
	return &page{title: "Finding " + short(100, string(id)), nav: "/findings", file: "explain.html", data: v}, nil
}
