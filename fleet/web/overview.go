package web

import (
	"time"

	"github.com/assaytls/assay/fleet/watch"
)

// overviewPages has the first page.
func overviewPages() []pageRoute {
	return []pageRoute{{method: "GET", path: "/{$}", name: "Overview", answer: (*Server).overview}}
}

// overviewRows are the targets on one page of the overview, which bounds its size.
const overviewRows = 50

type overviewView struct {
	Summary watch.Summary
	Page    watch.TargetPage
}

func (s *Server) overview(r *request) (*page, error) {
	now := time.Now()
	v := &overviewView{}
	var err error
	if v.Summary, err = s.Store.Summary(r.Context(), now); err != nil {
		return nil, err
	}
	if v.Page, err = s.Store.Targets(r.Context(), watch.TargetQuery{Search: r.text("q"), Page: r.text("page"), Limit: overviewRows}, now); err != nil {
		return nil, err
	}
	return &page{title: "Overview", nav: "/", file: "overview.html", data: v, live: true}, nil
}
