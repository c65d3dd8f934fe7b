package cli_test

import (
	"context"

	lifecyclev1 "github.com/siteplane/siteplane/gen/siteplane/lifecycle/v1"
)

// fakeKeys is a KeyService that answers what a test told it.
type fakeKeys struct {
	lifecyclev1.UnimplementedKeyServiceServer

	beside *fakeSites
	// created is the answer to CreateKey.
	created *lifecyclev1.CreateKeyResponse
	// keys are the answer to ListKeys; the first one is that to RevokeKey.
	keys []*lifecyclev1.Key
	// caller is the answer to GetCaller.
	caller *lifecyclev1.GetCallerResponse
}

func (f *fakeKeys) CreateKey(ctx context.Context, request *lifecyclev1.CreateKeyRequest) (*lifecyclev1.CreateKeyResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return f.created, nil
}

func (f *fakeKeys) GetCaller(ctx context.Context, request *lifecyclev1.GetCallerRequest) (*lifecyclev1.GetCallerResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return f.caller, nil
}

func (f *fakeKeys) ListKeys(ctx context.Context, request *lifecyclev1.ListKeysRequest) (*lifecyclev1.ListKeysResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	return &lifecyclev1.ListKeysResponse{Keys: f.keys}, nil
}

func (f *fakeKeys) RevokeKey(ctx context.Context, request *lifecyclev1.RevokeKeyRequest) (*lifecyclev1.RevokeKeyResponse, error) {
	if err := f.beside.note(ctx, request); err != nil {
		return nil, err
	}
	f.keys[0].RevokeTime = ago(0)
	return &lifecyclev1.RevokeKeyResponse{Key: f.keys[0]}, nil
}
