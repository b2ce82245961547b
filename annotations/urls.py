"""Addresses of annotations."""

from django.urls import path

from annotations.views import demonstrate, exercises, guidelines, home, learning, lending, people, rank

urlpatterns = [
    path("", home.home, name="home"),
    path("p/<slug:slug>/rank/", lending.rank_next, name="rank_next"),
    path("p/<slug:slug>/demonstrate/", lending.demonstrate_next, name="demonstrate_next"),
    path("rank/<uuid:assignment_id>/", rank.rank, name="rank"),
    path("demonstrate/<uuid:assignment_id>/", demonstrate.demonstrate, name="demonstrate"),
    path("p/<slug:slug>/people/<int:membership_id>/deactivate/", people.deactivate, name="deactivate"),
    path("p/<slug:slug>/people/<int:membership_id>/role/", people.change_role, name="change_role"),
    path("p/<slug:slug>/consent/withdraw/", people.withdraw_consent, name="withdraw_consent"),
    # /p/<slug>/guidelines/, practice/, qualification/
    path("p/<slug:slug>/guidelines/", guidelines.guidelines, name="guidelines"),
    path("p/<slug:slug>/guidelines/seen/", guidelines.guidelines_seen, name="guidelines_seen"),
    path("p/<slug:slug>/practice/", learning.practice, name="practice"),
    path("p/<slug:slug>/practice/<uuid:exercise_id>/", learning.practice_exercise, name="practice_exercise"),
    path("p/<slug:slug>/qualification/", learning.qualification, name="qualification"),
    path(
        "p/<slug:slug>/qualification/<uuid:exercise_id>/",
        learning.qualification_exercise,
        name="qualification_exercise",
    ),
    # /p/<slug>/exercises/
    path("p/<slug:slug>/exercises/", exercises.exercises, name="exercises"),
    path("p/<slug:slug>/exercises/add/", exercises.add, name="exercises_add"),
    path("p/<slug:slug>/exercises/import/", exercises.import_file, name="exercises_import"),
    path("p/<slug:slug>/exercises/cut/", exercises.cut, name="exercises_cut"),
    path("p/<slug:slug>/exercises/people/", exercises.results, name="qualification_results"),
    path("p/<slug:slug>/exercises/people/<int:membership_id>/", exercises.let_in, name="qualification_allow"),
    path("p/<slug:slug>/exercises/<uuid:exercise_id>/", exercises.preview, name="exercise"),
    path("p/<slug:slug>/exercises/<uuid:exercise_id>/change/", exercises.change, name="exercise_change"),
    path("skip/<uuid:assignment_id>/", lending.skip, name="skip"),
]
