"""Addresses of accounts."""

from django.urls import path

from accounts import consent_pages, join, new_password, people_page, token_page, totp, views

urlpatterns = [
    path("join/<str:token>/", join.join, name="join"),
    path("new-password/<str:token>/", new_password.new_password, name="new_password"),
    path("settings/", views.settings, name="settings"),
    path("settings/tokens/", token_page.tokens_page, name="tokens"),
    path("settings/tokens/<int:token_id>/withdraw/", token_page.withdraw, name="token_withdraw"),
    path("language/", views.language, name="language"),
    path("account/here/", views.here, name="here"),
    path("account/2fa/totp/activate/qr.svg", totp.qr_code, name="totp_qr"),
    path("p/<slug:slug>/consent/", consent_pages.consent, name="consent"),
    # /p/<slug>/people/
    path("p/<slug:slug>/people/", people_page.people, name="people"),
    path("p/<slug:slug>/people/consent/", consent_pages.people_consent, name="people_consent"),
    path("p/<slug:slug>/people/invite/", people_page.invite, name="invite"),
    path("p/<slug:slug>/people/invitations/<int:invitation_id>/withdraw/", people_page.withdraw, name="withdraw"),
    path("p/<slug:slug>/people/<int:membership_id>/password/", people_page.password_link, name="password_link"),
    path("p/<slug:slug>/people/<int:membership_id>/back/", people_page.back_in, name="let_back_in"),
]
