// Command caller uses a client that oapi-codegen has made of the OpenAPI document, as
// somebody who knows nothing else of Siteplane would. It is compiled with that client.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := call(ctx, os.Args[1], os.Getenv("SITEPLANE_KEY")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func call(ctx context.Context, url, key string) error {
	client, err := NewClientWithResponses(url, WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+key)
		return nil
	}))
	if err != nil {
		return err
	}
	siteID, err := create(ctx, client)
	if err != nil {
		return err
	}
	got, err := client.SiteServiceGetSiteWithResponse(ctx, siteID)
	if err != nil {
		return err
	}
	if got.JSON200 == nil || got.JSON200.Site == nil || got.JSON200.Site.Revision != "1" || got.JSON200.Site.CreateTime.IsZero() {
		return fmt.Errorf("get: %s", got.Body)
	}
	if err := list(ctx, client, siteID); err != nil {
		return err
	}
	return refused(ctx, client)
}

func siteAt(address string) SiteServiceCreateSiteJSONRequestBody {
	return SiteServiceCreateSiteJSONRequestBody{Site: SiteInput{
		Name: "Shop", Spec: SiteSpec{Origin: &Origin{Targets: []Target{{Address: address}}}},
	}}
}

func create(ctx context.Context, client *ClientWithResponses) (string, error) {
	created, err := client.SiteServiceCreateSiteWithResponse(ctx, siteAt("1.1.1.1:8080"))
	if err != nil {
		return "", err
	}
	if created.JSON200 == nil || created.JSON200.Site.Status != SITESTATUSCREATED || created.JSON200.Operation.Kind != "create_site" {
		return "", fmt.Errorf("create: %s", created.Body)
	}
	return created.JSON200.Site.SiteId, nil
}

func list(ctx context.Context, client *ClientWithResponses, siteID string) error {
	filter, size := `name = "Sh*"`, int32(10)
	listed, err := client.SiteServiceListSitesWithResponse(ctx, &SiteServiceListSitesParams{Filter: &filter, PageSize: &size})
	if err != nil {
		return err
	}
	if listed.JSON200 == nil || len(listed.JSON200.Sites) != 1 || listed.JSON200.Sites[0].SiteId != siteID {
		return fmt.Errorf("list: %s", listed.Body)
	}
	return nil
}

// refused asks for a site that cannot be, and reads why.
func refused(ctx context.Context, client *ClientWithResponses) error {
	answer, err := client.SiteServiceCreateSiteWithResponse(ctx, siteAt("no address"))
	if err != nil {
		return err
	}
	status := answer.JSONDefault
	if answer.StatusCode() != http.StatusBadRequest || status == nil || len(status.Details) != 2 {
		return fmt.Errorf("refuse: %d %s", answer.StatusCode(), answer.Body)
	}
	first, err := status.Details[0].ValueByDiscriminator()
	if err != nil {
		return err
	}
	if info, ok := first.(ErrorInfo); !ok || info.Reason != INVALIDFIELDS {
		return fmt.Errorf("refuse: the first detail is %+v", first)
	}
	second, err := status.Details[1].AsBadRequest()
	if err != nil {
		return err
	}
	if v := second.FieldViolations; len(v) != 1 || v[0].Field != "site.spec.origin.targets[0].address" || v[0].Description == "" {
		return fmt.Errorf("refuse: the violations are %+v", v)
	}
	return nil
}
