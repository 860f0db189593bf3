package ctlog

import (
	"context"

	"github.com/google/trillian"
	"github.com/google/trillian/server"
	terrors "github.com/google/trillian/server/errors"
	"google.golang.org/grpc"
)

// client calls a Trillian log server in this process, without gRPC between.
type client struct {
	*server.TrillianLogRPCServer
	tree int64
}

var _ trillian.TrillianLogClient = client{}

// call makes errors into gRPC statuses, as the server's interceptor does.
func call[Q, R any](ctx context.Context, f func(context.Context, Q) (R, error), in Q) (R, error) {
	out, err := f(ctx, in)
	return out, terrors.WrapError(err)
}

func (c client) QueueLeaf(ctx context.Context, in *trillian.QueueLeafRequest, _ ...grpc.CallOption) (*trillian.QueueLeafResponse, error) {
	return call(ctx, c.TrillianLogRPCServer.QueueLeaf, in)
}

func (c client) GetInclusionProof(ctx context.Context, in *trillian.GetInclusionProofRequest, _ ...grpc.CallOption) (*trillian.GetInclusionProofResponse, error) {
	return call(ctx, c.TrillianLogRPCServer.GetInclusionProof, in)
}

func (c client) GetInclusionProofByHash(ctx context.Context, in *trillian.GetInclusionProofByHashRequest, _ ...grpc.CallOption) (*trillian.GetInclusionProofByHashResponse, error) {
	return call(ctx, c.TrillianLogRPCServer.GetInclusionProofByHash, in)
}

func (c client) GetConsistencyProof(ctx context.Context, in *trillian.GetConsistencyProofRequest, _ ...grpc.CallOption) (*trillian.GetConsistencyProofResponse, error) {
	return call(ctx, c.TrillianLogRPCServer.GetConsistencyProof, in)
}

func (c client) GetLatestSignedLogRoot(ctx context.Context, in *trillian.GetLatestSignedLogRootRequest, _ ...grpc.CallOption) (*trillian.GetLatestSignedLogRootResponse, error) {
	return call(ctx, c.TrillianLogRPCServer.GetLatestSignedLogRoot, in)
}

func (c client) GetEntryAndProof(ctx context.Context, in *trillian.GetEntryAndProofRequest, _ ...grpc.CallOption) (*trillian.GetEntryAndProofResponse, error) {
	return call(ctx, c.TrillianLogRPCServer.GetEntryAndProof, in)
}

func (c client) InitLog(ctx context.Context, in *trillian.InitLogRequest, _ ...grpc.CallOption) (*trillian.InitLogResponse, error) {
	return call(ctx, c.TrillianLogRPCServer.InitLog, in)
}

func (c client) AddSequencedLeaves(ctx context.Context, in *trillian.AddSequencedLeavesRequest, _ ...grpc.CallOption) (*trillian.AddSequencedLeavesResponse, error) {
	return call(ctx, c.TrillianLogRPCServer.AddSequencedLeaves, in)
}

func (c client) GetLeavesByRange(ctx context.Context, in *trillian.GetLeavesByRangeRequest, _ ...grpc.CallOption) (*trillian.GetLeavesByRangeResponse, error) {
	return call(ctx, c.TrillianLogRPCServer.GetLeavesByRange, in)
}
