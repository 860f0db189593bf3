//go:build dependencies

// Package fleet holds the modules that its packages are about to use, so that
// they stand in go.mod once.
package fleet

import (
	_ "github.com/chromedp/chromedp"
	_ "github.com/nats-io/nats-server/v2/server"
	_ "github.com/nats-io/nats.go/jetstream"
	_ "github.com/prometheus/client_golang/prometheus/promhttp"
	_ "github.com/vbauerster/mpb/v8"
	_ "golang.org/x/net/publicsuffix"
	_ "golang.org/x/time/rate"
)
