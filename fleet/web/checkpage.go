package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/assaytls/assay/fleet/watch"
	sheets "github.com/assaytls/assay/internal/page"
	"github.com/assaytls/assay/internal/target"
)

// checkPages are the form to check any server, and what came of it.
func checkPages() []pageRoute {
	return []pageRoute{
		{method: "GET", path: "/check", name: "Check", answer: func(s *Server, r *request) (*page, error) { return s.checkForm(r.text("target"), nil) }},
		{method: "POST", path: "/check", answer: (*Server).checkAny},
	}
}

type checkView struct {
	Target string
	Wrong  *Problem // what is wrong with the question
	Sheet  *sheets.Sheet
	Took   string
	Cached bool
}

// checkForm is the form, with what is wrong with what was sent.
func (s *Server) checkForm(text string, wrong *Problem) (*page, error) {
	if !s.access.Load().checkForm {
		return nil, problem(http.StatusNotFound, "the form to check any server is turned off here")
	}
	p := &page{title: "Check a server", nav: "/check", file: "check.html", data: &checkView{Target: text, Wrong: wrong}}
	if wrong != nil {
		p.status = wrong.Status
	}
	return p, nil
}

// checkAny checks a server that somebody names, by the rules that hold for the API: a
// stranger's server is reached at public addresses alone.
func (s *Server) checkAny(r *request) (*page, error) {
	text := strings.TrimSpace(r.text("target"))
	p, err := s.checkForm(text, nil)
	if err != nil {
		return nil, err
	}
	if r.wrong != nil {
		return nil, r.wrong
	}
	o, cached, err := s.judge(r.Request, s.question(text, ""))
	var usage *target.Usage
	var wrong *Problem
	if errors.As(err, &usage) || errors.As(err, &wrong) && wrong.Status == http.StatusUnprocessableEntity {
		return s.checkForm(text, s.problemOf(err))
	}
	if err != nil {
		return nil, err
	}
	v := p.data.(*checkView)
	v.Sheet, v.Cached, v.Took = bounded60(sheets.Of(o.Report, sheets.Options{ID: "r", Explain: "/explain/"})), cached, tookWords(o)
	if n := len(v.Sheet.Problems); n > 0 { // the rest is not on this page
		v.Sheet.Problems[n-1].Title = strings.Replace(v.Sheet.Problems[n-1].Title, ", in the report below", ": assay check tells them", 1)
	}
	p.title = "Result"
	return p, nil
}

func tookWords(o watch.Outcome) string {
	return plural(int(o.Took.Milliseconds()), "millisecond", "milliseconds")
}
