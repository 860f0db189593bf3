// Package lab is a small world that misbehaves on purpose. Every scenario of its
// catalogue (internal/lab/scenarios) is one server (internal/lab/serve) with a
// story, the verdict that assay must reach on it and the findings it must
// produce; this package starts them and compares.
package lab

import (
	"context"

	"github.com/assaytls/assay/internal/lab/serve"
)

// Lab is a running lab and what judges it.
type Lab struct{ *serve.Lab }

// Scenario is a scenario whose server runs.
type Scenario = serve.Scenario

// Options configure Start.
type Options = serve.Options

// Start starts the servers of all scenarios, or of the chosen ones. The caller
// must Close the lab.
func Start(ctx context.Context, o Options) (*Lab, error) {
	l, err := serve.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	return &Lab{l}, nil
}
