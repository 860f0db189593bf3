package web

import (
	"net/http"
	"strconv"
	"time"

	"github.com/assaytls/assay/fleet/alert"
)

// alertPages are those about alerts and silences.
func alertPages() []pageRoute {
	return []pageRoute{
		{method: "GET", path: "/alerts", name: "Alerts", answer: (*Server).alertList},
		{method: "POST", path: "/alerts/{id}/acknowledge", answer: func(s *Server, r *request) (*page, error) {
			comment := r.text("comment")
			if r.wrong != nil {
				return nil, r.wrong
			}
			return &page{to: "/alerts"}, s.Alerts.Acknowledge(r.Context(), r.id(), callerOf(r.Request).name, comment, time.Now())
		}},
		{method: "POST", path: "/silences", answer: func(s *Server, r *request) (*page, error) {
			now := time.Now()
			hours := r.number("hours", 1, 24*365)
			q := Quiet{Rule: r.text("rule"), Target: r.text("target"), Group: r.text("group"), Cause: r.text("cause"), Finding: r.text("finding"), Comment: r.text("comment"), Until: now.Add(time.Duration(hours) * time.Hour)}
			if r.wrong != nil {
				return nil, r.wrong
			}
			_, err := s.quiet(r.Request, q, now)
			return &page{to: "/alerts#silences"}, err
		}},
		{method: "POST", path: "/silences/{id}/end", answer: func(s *Server, r *request) (*page, error) {
			id := r.id()
			if r.wrong != nil {
				return nil, r.wrong
			}
			return &page{to: "/alerts#silences"}, s.Alerts.EndSilence(r.Context(), id, time.Now())
		}},
	}
}

// alertRows are the alerts on one page.
const alertRows = 20

type alertsView struct {
	Alerts   []alert.Alert
	Over     bool
	Next     string
	Silences []alert.Silence
	More     int // silences that are not shown
}

// silenceRows bounds the silences of the page.
const silenceRows = 30

func (s *Server) alertList(r *request) (*page, error) {
	v := &alertsView{Over: r.flag("over")}
	before := r.number("before", 0, most)
	if r.wrong != nil {
		return nil, r.wrong
	}
	var err error
	if v.Alerts, err = s.Alerts.Alerts(r.Context(), v.Over, before, alertRows); err != nil {
		return nil, err
	}
	if len(v.Alerts) == alertRows {
		v.Next = "/alerts?before=" + strconv.FormatInt(v.Alerts[alertRows-1].ID, 10)
		if v.Over {
			v.Next += "&over=true"
		}
	}
	if v.Silences, err = s.Alerts.Silences(r.Context(), time.Now()); err != nil {
		return nil, err
	}
	if v.More = len(v.Silences) - silenceRows; v.More > 0 {
		v.Silences = v.Silences[:silenceRows]
	}
	return &page{title: "Alerts", nav: "/alerts", file: "alerts.html", data: v, live: true}, nil
}

// quiet begins a silence.
func (s *Server) quiet(r *http.Request, q Quiet, now time.Time) (int64, error) {
	switch {
	case len(q.Rule)+len(q.Target)+len(q.Group)+len(q.Cause)+len(q.Finding)+len(q.Comment) > 4*maxDetail:
		return 0, problem(http.StatusUnprocessableEntity, "the silence's texts are too long")
	case q.Rule == "" && q.Target == "" && q.Group == "" && q.Cause == "" && q.Finding == "":
		return 0, problem(http.StatusUnprocessableEntity, "a silence needs a rule, target, group, cause or finding")
	case !q.Until.After(now) || q.Until.After(now.AddDate(1, 0, 0)):
		return 0, problem(http.StatusUnprocessableEntity, "until: it must lie ahead, and at most a year")
	}
	return s.Alerts.Silence(r.Context(), alert.Silence{Rule: q.Rule, Target: q.Target, Group: q.Group, Cause: q.Cause, Finding: q.Finding,
		Until: q.Until, Created: now, By: callerOf(r).name, Comment: q.Comment}, now)
}
