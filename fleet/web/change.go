package web

import (
	"net/http"
	"regexp"
	"time"

	"github.com/assaytls/assay/fleet/alert"
	"github.com/assaytls/assay/fleet/watch"
	"github.com/assaytls/assay/internal/target"
)

// Note is what somebody says about an alert.
type Note struct {
	Comment string `json:"comment,omitempty"`
}

// Quiet is a silence to begin.
type Quiet struct {
	Rule    string    `json:"rule,omitempty"`
	Target  string    `json:"target,omitempty"`
	Group   string    `json:"group,omitempty"`
	Cause   string    `json:"cause,omitempty"`
	Finding string    `json:"finding,omitempty"`
	Until   time.Time `json:"until"`
	Comment string    `json:"comment,omitempty"`
}

// Number is the number of what was made.
type Number struct {
	ID int64 `json:"id"`
}

// changeRoutes are the operations that change something.
func changeRoutes() []route {
	return []route{
		{method: "POST", path: "/api/v1/check", about: "Check a server now. Its name is reached at public addresses alone, unless the configuration names it or allows its network", body: Check{}, gives: Checked{}, answer: (*Server).check},
		{method: "POST", path: "/api/v1/targets", about: "Watch a server", body: NewTarget{}, gives: watch.Target{}, status: http.StatusCreated, answer: (*Server).addTarget},
		{method: "DELETE", path: "/api/v1/targets/{id}", about: "Watch a target no longer; the configuration's own are its to remove", answer: (*Server).removeTarget},
		{method: "POST", path: "/api/v1/targets/{id}/check", about: "Check a target as soon as can be", answer: func(s *Server, r *request) (any, error) {
			if err := s.mayCheck(r.Request, ""); err != nil {
				return nil, err
			}
			err := s.Store.CheckNow(r.Context(), r.id(), time.Now())
			if err == nil && s.Wake != nil {
				s.Wake()
			}
			return nil, err
		}},
		{method: "POST", path: "/api/v1/outbox/{id}/resend", about: "Send a message again that was given up", answer: func(s *Server, r *request) (any, error) {
			return nil, s.Store.Resend(r.Context(), r.id(), time.Now())
		}},
		{method: "POST", path: "/api/v1/session", about: "Begin a session with a token: a cookie that browsers send", body: SessionToken{}, gives: Session{}, answer: (*Server).login},
		{method: "DELETE", path: "/api/v1/session", about: "End the session: the cookie goes", answer: func(s *Server, r *request) (any, error) {
			http.SetCookie(r.w, s.cookie("", -1))
			return nil, nil
		}},
	}
}

// alertRoutes are about alerts.
func alertRoutes() []route {
	return []route{
		{method: "GET", path: "/api/v1/alerts", about: "Alerts that go on, the newest first", gives: list[alert.Alert]{},
			query: with(map[string]string{"over": "true: also those that are over", "before": "those with a lower number"}),
			answer: func(s *Server, r *request) (any, error) {
				n := r.limit()
				all, err := s.Alerts.Alerts(r.Context(), r.flag("over"), r.number("before", 0, most), n)
				return listed(all, n, func(a alert.Alert) int64 { return a.ID }), err
			}},
		{method: "POST", path: "/api/v1/alerts/{id}/acknowledge", about: "Say that somebody looks after an alert", body: Note{}, answer: func(s *Server, r *request) (any, error) {
			var n Note
			if err := r.read(&n); err != nil {
				return nil, err
			}
			if len(n.Comment) > maxDetail {
				return nil, problem(http.StatusUnprocessableEntity, "the comment is too long")
			}
			return nil, s.Alerts.Acknowledge(r.Context(), r.id(), callerOf(r.Request).name, n.Comment, time.Now())
		}},
		{method: "GET", path: "/api/v1/silences", about: "Silences that hold now", gives: list[alert.Silence]{}, answer: func(s *Server, r *request) (any, error) {
			all, err := s.Alerts.Silences(r.Context(), time.Now())
			return listed(all, 0, nil), err
		}},
		{method: "POST", path: "/api/v1/silences", about: "Keep alerts from being told for a while", body: Quiet{}, gives: Number{}, status: http.StatusCreated, answer: (*Server).silence},
		{method: "DELETE", path: "/api/v1/silences/{id}", about: "End a silence", answer: func(s *Server, r *request) (any, error) {
			return nil, s.Alerts.EndSilence(r.Context(), r.id(), time.Now())
		}},
	}
}

func (s *Server) silence(r *request) (any, error) {
	var q Quiet
	if err := r.read(&q); err != nil {
		return nil, err
	}
	id, err := s.quiet(r.Request, q, time.Now())
	return Number{id}, err
}

var labelForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,63}$`)

func (s *Server) addTarget(r *request) (any, error) {
	var n NewTarget
	if err := r.read(&n); err != nil {
		return nil, err
	}
	if err := s.mayCheck(r.Request, n.Target); err != nil {
		return nil, err
	}
	if len(n.Target) > 1000 || len(n.Name) > 200 || len(n.Labels) > 16 {
		return nil, problem(http.StatusUnprocessableEntity, "the target, its name or its labels are too long")
	}
	for k, v := range n.Labels {
		if !labelForm.MatchString(k) || len(v) > 200 {
			return nil, problem(http.StatusUnprocessableEntity, "labels: a name has letters, digits and _, and a value at most 200 bytes")
		}
	}
	if n.Group == "" {
		n.Group = watch.DefaultGroup
	}
	k := s.config.Load()
	g := k.config.Group(n.Group)
	if g == nil {
		return nil, problem(http.StatusUnprocessableEntity, "the configuration has no group "+n.Group)
	}
	if _, there := k.by[n.Group+"\x1f"+n.Target]; there {
		return nil, problem(http.StatusConflict, "the configuration names this target already")
	}
	spec, err := g.Spec(n.Target, n.Name, n.Labels)
	if err != nil {
		return nil, err
	}
	if spec.Kind != watch.Server {
		return nil, target.Usagef("domains whose servers the DNS names (mx:, srv:) are watched when the configuration names them")
	}
	t, _, err := s.Store.AddTarget(r.Context(), spec, time.Now())
	if err == nil && s.Wake != nil {
		s.Wake()
	}
	return t, err
}

func (s *Server) removeTarget(r *request) (any, error) {
	t, err := s.Store.Target(r.Context(), r.id())
	if err != nil {
		return nil, err
	}
	if t.Origin != watch.FromAPI {
		return nil, problem(http.StatusConflict, "the configuration names this target; it is removed there")
	}
	return nil, s.Store.RemoveTarget(r.Context(), t.ID, time.Now())
}

// login begins a session.
func (s *Server) login(r *request) (any, error) {
	var t SessionToken
	if err := r.read(&t); err != nil {
		return nil, err
	}
	a, c := s.access.Load(), callerOf(r.Request)
	i := a.token(t.Token)
	if i < 0 {
		return nil, s.unknown(&c)
	}
	value := s.begin(r.w, a, i)
	c.name, _ = a.session(value, time.Now())
	c.login = value
	return Session{c.name, s.csrf(c)}, nil
}

// cookie is the session's. It goes over TLS alone, except on loopback addresses.
func (s *Server) cookie(value string, age int) *http.Cookie {
	a := s.access.Load()
	return &http.Cookie{Name: cookieName, Value: value, Path: "/", MaxAge: age, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: a.cert != nil || !a.loopback}
}
